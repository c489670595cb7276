#include "common/http/outgoing.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

using namespace dadvisor::http;

namespace {

Response pieced(std::string begin, std::vector<std::string> pieces) {
  auto response = text_response(200, std::move(begin));
  response.rest.next = [pieces = std::move(pieces), at = std::size_t{0}](auto& piece) mutable {
    piece = at < pieces.size() ? pieces[at++] : std::string();
  };
  return response;
}

// All that is sent, at most `step` bytes at a time.
std::string all(Outgoing outgoing, std::size_t step) {
  std::string sent;
  for (;;) {
    auto const [head, body] = outgoing.left();
    auto const now = (std::string(head) + std::string(body)).substr(0, step);
    sent += now;
    if (!outgoing.sent(now.size())) return sent;
  }
}

std::string body_of(std::string const& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

}  // namespace

TEST_CASE("a body that is made while it is sent goes in chunks, however few bytes go at a time") {
  // RFC 9112, 7.1: sizes in hex, a last chunk of none.
  std::string const long_one(17, 'x');
  std::string const expected = "3\r\none\r\n11\r\n" + long_one + "\r\n3\r\nend\r\n0\r\n\r\n";
  for (std::size_t const step : {1, 7, 1000}) {
    INFO(step);
    auto const answer = all({pieced("one", {long_one, "end"}), false, false, true}, step);
    CHECK(answer.find("Transfer-Encoding: chunked\r\n") != answer.npos);
    CHECK(answer.find("Content-Length") == answer.npos);
    CHECK(body_of(answer) == expected);
  }
  CHECK(body_of(all({pieced("", {"a"}), false, false, true}, 1)) == "1\r\na\r\n0\r\n\r\n");
  CHECK(body_of(all({pieced("", {}), false, false, true}, 1)) == "0\r\n\r\n");
}

TEST_CASE("HTTP/1.0 and HEAD get the length, which takes all of the body") {
  auto const old = all({pieced("one", {"two", "end"}), false, true, false}, 5);
  CHECK(old.find("Content-Length: 9\r\n") != old.npos);
  CHECK(body_of(old) == "onetwoend");
  auto const head = all({pieced("one", {"two", "end"}), true, false, true}, 5);
  CHECK(head.find("Content-Length: 9\r\n") != head.npos);
  CHECK(head.find("chunked") == head.npos);
  CHECK(body_of(head).empty());
}

TEST_CASE("pieces are made one at a time, in the memory of the one before") {
  int made = 0;
  auto response = text_response(200, std::string(1000, 'a'));
  response.rest.next = [&made](std::string& piece) {
    CHECK(piece.capacity() >= 1000);
    piece.assign(made < 2 ? 500 : 0, 'b');
    ++made;
  };
  Outgoing outgoing(std::move(response), false, false, true);
  CHECK(outgoing.made() == 1000);
  auto const size = [&] { return outgoing.left().first.size() + outgoing.left().second.size(); };
  CHECK(outgoing.sent(size() - 1));
  CHECK(made == 0);  // a byte of the first is left
  CHECK(outgoing.sent(1));
  CHECK(made == 1);
  CHECK(outgoing.made() == 1500);
}

TEST_CASE("what making a piece throws is told to whoever sends") {
  auto response = text_response(200, "begin");
  response.rest.next = [](std::string&) { throw std::runtime_error("no more"); };
  Outgoing outgoing(std::move(response), false, false, true);
  auto const [head, body] = outgoing.left();
  CHECK_THROWS_AS(outgoing.sent(head.size() + body.size()), std::runtime_error);
}
