#include "common/curl/mail.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace dadvisor::curl {

namespace {

constexpr std::size_t max_line = 76;      // RFC 2045 6.7 (5), RFC 2047 2
constexpr std::size_t max_word = 75;      // one encoded word with its delimiters
constexpr std::size_t max_value = 16384;  // of one header; a longer one is a mistake

bool printable_ascii(char c) { return c >= 0x20 && c < 0x7f; }

bool has_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Error refused(std::string_view field, std::string_view what) {
  return Error{Errc::malformed, 0, fmt::format("mail: {}: {}", field, what)};
}

bool is_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 60 && std::all_of(name.begin(), name.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != ':';
  });
}

// msg-id without its brackets: printable ASCII with exactly one @ inside.
bool is_message_id(std::string_view id) {
  auto const at = id.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < id.size() &&
         id.find('@', at + 1) == std::string_view::npos && id.size() <= 250 &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>'; });
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 60 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
}

void append_text(std::string& out, std::string_view type, std::string_view text) {
  out += fmt::format(
      "Content-Type: text/{}; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n{}",
      type, quoted_printable(text));
}

void append_image(std::string& out, MailImage const& image) {
  out += fmt::format(
      "Content-Type: image/png; name=\"{0}\"\r\nContent-Transfer-Encoding: base64\r\n"
      "Content-ID: <{1}>\r\nContent-Disposition: inline; filename=\"{0}\"\r\n\r\n",
      image.file_name, image.content_id);
  auto const text = base64(image.png);
  for (std::size_t at = 0; at < text.size(); at += max_line)
    out.append(text, at, max_line).append("\r\n");
}

// From Content-Type on. Neither quoted-printable nor base64 can hold "=_", which the boundaries
// begin with, so no part can end another.
void append_content(std::string& out, Mail const& mail) {
  if (mail.html.empty()) return append_text(out, "plain", mail.body);
  static constexpr std::string_view outer = "=_dadvisor_alternative", inner = "=_dadvisor_related";
  out += fmt::format("Content-Type: multipart/alternative;\r\n boundary=\"{0}\"\r\n\r\n--{0}\r\n",
                     outer);
  append_text(out, "plain", mail.body);
  out += fmt::format("\r\n--{}\r\n", outer);
  if (mail.images.empty()) {
    append_text(out, "html", mail.html);
  } else {
    out += fmt::format(
        "Content-Type: multipart/related; type=\"text/html\";\r\n "
        "boundary=\"{0}\"\r\n\r\n--{0}\r\n",
        inner);
    append_text(out, "html", mail.html);
    for (auto const& image : mail.images) {
      out += fmt::format("\r\n--{}\r\n", inner);
      append_image(out, image);
    }
    out += fmt::format("\r\n--{}--\r\n", inner);
  }
  out += fmt::format("\r\n--{}--\r\n", outer);
}

// The bytes of the UTF-8 character at the front of `text` (an invalid byte counts as one).
std::size_t character_length(std::string_view text) {
  auto const lead = static_cast<unsigned char>(text[0]);
  std::size_t const want = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  std::size_t length = 1;
  while (length < want && length < text.size() &&
         (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    ++length;
  return length;
}

}  // namespace

std::string base64(std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t const n = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      out.push_back(k <= n ? digits[group >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

std::string encode_header_text(std::string_view text, std::size_t used) {
  bool const plain = std::all_of(text.begin(), text.end(), printable_ascii) &&
                     text.find("=?") == std::string_view::npos &&
                     (text.empty() || (text.front() != ' ' && text.back() != ' '));
  if (plain && used + text.size() <= max_line) return std::string(text);
  static constexpr std::string_view open = "=?UTF-8?B?";
  static constexpr std::string_view close = "?=";
  std::string out;
  while (!text.empty()) {
    // At least one character a word: 75 columns always hold one behind any header name of ours.
    std::size_t const room = std::max<std::size_t>(max_word - std::min(used, max_word - 30), 30);
    std::size_t const bytes = (room - open.size() - close.size()) / 4 * 3;
    std::size_t taken = character_length(text);
    while (taken < text.size()) {
      std::size_t const next = character_length(text.substr(taken));
      if (taken + next > bytes) break;
      taken += next;
    }
    if (!out.empty()) out += "\r\n ";
    out.append(open).append(base64(text.substr(0, taken))).append(close);
    text.remove_prefix(taken);
    used = 1;
  }
  return out;
}

std::string quoted_printable(std::string_view text) {
  std::string out;
  std::string line;
  auto const flush = [&](bool soft) {
    out += line;
    if (soft) out += '=';
    out += "\r\n";
    line.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (c == '\n') {
      flush(false);
      continue;
    }
    bool const last = i + 1 == text.size() || text[i + 1] == '\n';
    bool const blank = c == ' ' || c == '\t';
    bool const literal = (printable_ascii(c) && c != '=' && !(blank && last)) || (blank && !last);
    auto const piece =
        literal ? std::string(1, c) : fmt::format("={:02X}", static_cast<unsigned char>(c));
    // One column is kept for the soft break's "=".
    if (line.size() + piece.size() > max_line - 1) flush(true);
    line += piece;
  }
  if (!line.empty()) flush(false);
  return out;
}

std::string mail_date(WallTime time) {
  static constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm const tm = fmt::gmtime(static_cast<std::time_t>(unix_seconds(time)));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000",
                     days[static_cast<std::size_t>(tm.tm_wday)], tm.tm_mday,
                     months[static_cast<std::size_t>(tm.tm_mon)], tm.tm_year + 1900, tm.tm_hour,
                     tm.tm_min, tm.tm_sec);
}

bool is_address(std::string_view address) {
  auto const at = address.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == address.size()) return false;
  if (address.find('@', at + 1) != std::string_view::npos || address.size() > 254) return false;
  return std::all_of(address.begin(), address.end(), [](char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("<>()[]\\,;:\"").find(c) == std::string_view::npos;
  });
}

Result<std::string> render(Mail const& mail) {
  if (!is_address(mail.from)) return refused("From", "not an address");
  if (!is_address(mail.to)) return refused("To", "not an address");
  if (!is_message_id(mail.message_id)) return refused("Message-ID", "not left@domain");
  for (auto const& id : mail.references)
    if (!is_message_id(id)) return refused("References", "not left@domain");
  for (auto const& image : mail.images)
    if (!is_message_id(image.content_id) || !is_file_name(image.file_name))
      return refused("image", "its Content-ID is not left@domain, or its name is no plain word");
  std::string out;
  auto const put = [&](std::string_view name, std::string_view value) -> Result<void> {
    if (!is_header_name(name)) return refused("header name", "not printable ASCII without colon");
    if (has_break(value)) return refused(name, "contains CR, LF or NUL");
    if (value.size() > max_value) return refused(name, "longer than 16 KiB");
    out += fmt::format("{}: {}\r\n", name, encode_header_text(value, name.size() + 2));
    return {};
  };
  if (has_break(mail.from_name)) return refused("From", "contains CR, LF or NUL");
  // The name is always encoded, so that no character of it needs RFC 5322's quoting rules.
  if (mail.from_name.empty())
    out += fmt::format("From: {}\r\n", mail.from);
  else
    out += fmt::format("From: {}\r\n <{}>\r\n", encode_header_text(mail.from_name, max_line),
                       mail.from);
  out += fmt::format("To: {}\r\n", mail.to);
  if (auto done = put("Subject", mail.subject); !done) return done.error();
  out += fmt::format("Date: {}\r\nMessage-ID: <{}>\r\n", mail_date(mail.date), mail.message_id);
  if (!mail.references.empty()) {
    out += fmt::format("In-Reply-To: <{}>\r\nReferences:", mail.references.front());
    for (auto const& id : mail.references) out += fmt::format(" <{}>\r\n", id);
  }
  out += "Auto-Submitted: auto-generated\r\n";
  for (auto const& [name, value] : mail.headers)
    if (auto done = put(name, value); !done) return done.error();
  out += "MIME-Version: 1.0\r\n";
  append_content(out, mail);
  return out;
}

}  // namespace dadvisor::curl
