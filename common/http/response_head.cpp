#include "common/http/response_head.hpp"

#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <iterator>
#include <string_view>

namespace dadvisor::http {
namespace {

// A header's value must not be able to start another header (response splitting).
void append_line(std::string& out, std::string_view text) {
  for (char const c : text) out += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
}

}  // namespace

std::string response_head(Response const& response, BodyEnd end, bool http_1_0, bool keep_alive) {
  auto const reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status));
  std::string head;
  head.reserve(256);
  fmt::format_to(std::back_inserter(head), "HTTP/1.{} {} {}\r\nServer: dadvisor\r\n",
                 http_1_0 ? 0 : 1, response.status, std::string_view(reason.data(), reason.size()));
  for (auto const& [name, value] : response.headers) {
    append_line(head, name);
    head += ": ";
    append_line(head, value);
    head += "\r\n";
  }
  if (end.length) fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", *end.length);
  if (end.chunked) head += "Transfer-Encoding: chunked\r\n";
  // What each version does when nothing is said (RFC 9112, 9.3).
  if (keep_alive == http_1_0)
    head += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  head += "\r\n";
  return head;
}

}  // namespace dadvisor::http
