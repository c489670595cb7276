#include "common/curl/mail.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <sstream>

using namespace dadvisor;
using namespace dadvisor::curl;

namespace {

int digit(char c) {
  static std::string const digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  auto const at = digits.find(c);
  return at == std::string::npos ? -1 : static_cast<int>(at);
}

std::string unbase64(std::string const& text) {
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (char const c : text) {
    if (digit(c) < 0) break;
    bits = bits << 6 | static_cast<unsigned>(digit(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 255));
    }
  }
  return out;
}

std::string unword(std::string text) {
  std::string out;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word.rfind("=?UTF-8?B?", 0) != 0) return text;
    REQUIRE(word.size() <= 75);
    REQUIRE(word.substr(word.size() - 2) == "?=");
    out += unbase64(word.substr(10, word.size() - 12));
  }
  return out;
}

std::string unquote(std::string const& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') continue;
    if (text[i] != '=') {
      out.push_back(text[i]);
    } else if (text.compare(i, 3, "=\r\n") == 0) {
      i += 2;
    } else {
      out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
      i += 2;
    }
  }
  return out;
}

struct Parsed {
  std::map<std::string, std::string> headers;
  std::string body;
};

// RFC 5322's way back: unfolds, splits at the first colon; every line must be short and end CRLF.
Parsed parse(std::string const& bytes) {
  Parsed parsed;
  std::string last;
  std::size_t at = 0;
  for (;;) {
    auto const end = bytes.find("\r\n", at);
    REQUIRE(end != std::string::npos);
    auto const line = bytes.substr(at, end - at);
    REQUIRE(line.size() <= 78);
    REQUIRE(line.find('\n') == std::string::npos);
    at = end + 2;
    if (line.empty()) break;
    if (line[0] == ' ') {
      parsed.headers[last] += line;
      continue;
    }
    last = line.substr(0, line.find(':'));
    REQUIRE(parsed.headers.count(last) == 0);
    parsed.headers[last] = line.substr(last.size() + 2);
  }
  for (std::size_t i = at; i < bytes.size();) {
    auto const end = bytes.find("\r\n", i);
    REQUIRE(end != std::string::npos);
    REQUIRE(end - i <= 76);
    i = end + 2;
  }
  parsed.body = unquote(bytes.substr(at));
  return parsed;
}

Mail sample() {
  Mail mail;
  mail.from = "dadvisor@example.com";
  mail.to = "pay@example.com";
  mail.subject = "[CRIT] cart CPU of quota";
  mail.date = from_unix_seconds(1795391821);
  mail.message_id = "01J.1.abc@example.com";
  mail.body = "one\ntwo\n";
  return mail;
}

}  // namespace

TEST_CASE("a plain mail reads back as it was written") {
  auto const bytes = render(sample());
  REQUIRE(bytes);
  auto const parsed = parse(*bytes);
  CHECK(parsed.headers.at("From") == "dadvisor@example.com");
  CHECK(parsed.headers.at("To") == "pay@example.com");
  CHECK(parsed.headers.at("Subject") == "[CRIT] cart CPU of quota");
  CHECK(parsed.headers.at("Message-ID") == "<01J.1.abc@example.com>");
  CHECK(parsed.headers.at("Date") == "Sun, 22 Nov 2026 23:57:01 +0000");
  CHECK(parsed.headers.at("Auto-Submitted") == "auto-generated");
  CHECK(parsed.headers.count("In-Reply-To") == 0);
  CHECK(parsed.body == "one\ntwo\n");
}

// Parsed by Python's email package in tests/e2e/alert_test.py too.
TEST_CASE("HTML and pictures become alternative {text, related {HTML, PNG}}") {
  auto mail = sample();
  mail.html = "<p>one</p>\n";
  auto const text_and_html = *render(mail);
  CHECK(text_and_html.ends_with(
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/alternative;\r\n boundary=\"=_dadvisor_alternative\"\r\n\r\n"
      "--=_dadvisor_alternative\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\none\r\ntwo\r\n"
      "\r\n--=_dadvisor_alternative\r\n"
      "Content-Type: text/html; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>one</p>\r\n"
      "\r\n--=_dadvisor_alternative--\r\n"));
  mail.images.push_back({"g.1@example.com", "graph.png", std::string(100, '\x89')});
  auto const with_picture = *render(mail);
  CHECK(with_picture.find("multipart/related; type=\"text/html\";\r\n boundary=\"=_dadvisor_related"
                          "\"\r\n\r\n--=_dadvisor_related\r\nContent-Type: text/html") !=
        std::string::npos);
  CHECK(with_picture.find("Content-ID: <g.1@example.com>\r\nContent-Disposition: inline; "
                          "filename=\"graph.png\"\r\n\r\niYmJ") != std::string::npos);
  std::istringstream lines(with_picture);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 78);
  mail.images[0].file_name = "a\"b";
  CHECK_FALSE(render(mail));
  mail.images[0].file_name = "a.png";
  mail.images[0].content_id = "x> <y@z";
  CHECK_FALSE(render(mail));
}

TEST_CASE("Chinese and very long subjects become encoded words that decode to the same text") {
  auto mail = sample();
  std::string const chinese =
      "[\xe4\xb8\xa5\xe9\x87\x8d] \xe8\xb4\xad\xe7\x89\xa9\xe8\xbd\xa6 CPU "
      "\xe5\x8d\xa0\xe9\x85\x8d\xe9\xa2\x9d\xe7\x9a\x84 97 %";
  for (auto const& subject :
       {chinese, chinese + chinese + chinese, std::string(500, 'x'), std::string("=?not?a?word?="),
        std::string(" blanks "), std::string("emoji \xf0\x9f\x94\xa5\xf0\x9f\x94\xa5")}) {
    mail.subject = subject;
    auto const bytes = render(mail);
    REQUIRE(bytes);
    auto const parsed = parse(*bytes);
    CHECK(unword(parsed.headers.at("Subject")) == subject);
  }
}

TEST_CASE("no encoded word splits a UTF-8 character") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "\xe8\xbd\xa6";
  std::istringstream in(encode_header_text(text, 9));
  for (std::string word; in >> word;)
    CHECK(unbase64(word.substr(10, word.size() - 12)).size() % 3 == 0);
}

TEST_CASE("a sender's name is encoded and its address stays bare") {
  auto mail = sample();
  mail.from_name = "dAdvisor, \"prod\"";
  auto const parsed = parse(*render(mail));
  auto const from = parsed.headers.at("From");
  auto const angle = from.find(" <");
  REQUIRE(angle != std::string::npos);
  CHECK(unword(from.substr(0, angle)) == mail.from_name);
  CHECK(from.substr(angle) == " <dadvisor@example.com>");
}

TEST_CASE("line breaks and NUL in anything that becomes a header are refused") {
  for (auto const& bad : {std::string("x\r\nBcc: evil@example.com"), std::string("x\ny"),
                          std::string("x\ry"), std::string("x\0y", 3)}) {
    auto mail = sample();
    mail.subject = bad;
    REQUIRE_FALSE(render(mail));
    CHECK(render(mail).error().code == Errc::malformed);
    mail = sample();
    mail.to = "a@b" + bad;
    CHECK_FALSE(render(mail));
    mail = sample();
    mail.from_name = bad;
    CHECK_FALSE(render(mail));
    mail = sample();
    mail.message_id = "a@b" + bad;
    CHECK_FALSE(render(mail));
    mail = sample();
    mail.headers = {{"X-DAdvisor-App", bad}};
    CHECK_FALSE(render(mail));
    mail.headers = {{"X" + bad, "y"}};
    CHECK_FALSE(render(mail));
  }
}

TEST_CASE("addresses with brackets, blanks, lists or no domain are refused") {
  CHECK(is_address("pay-team+x@mail.example.com"));
  for (auto const* bad : {"", "pay", "@x", "x@", "a@b@c", "a b@c", "<a@b>", "a@b,c@d", "a@b>",
                          "\xe8\xbd\xa6@b", "a@b\t"})
    CHECK_FALSE(is_address(bad));
}

TEST_CASE("the body survives whatever it holds") {
  auto mail = sample();
  mail.body = "ends with blank \nand\ttab\t\n" + std::string(300, '=') + "\n.\n..\n" +
              "\xe8\xb4\xad\xe7\x89\xa9 \xff\x01\n" + std::string(74, 'x') +
              " y\nno newline at end";
  CHECK(parse(*render(mail)).body == mail.body + "\n");
}

TEST_CASE("base64 pads as RFC 4648 section 10 shows") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
}
