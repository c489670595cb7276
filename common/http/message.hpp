#pragma once
// HTTP/1.1 messages as plain values: what a server's handler gets and gives, and what a client
// gets back. No Asio or Beast type appears in a header of this folder, so that including one
// costs nothing. Values: any thread.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dadvisor::http {

// Names and values in the order in which they came; a name may come more than once.
using Fields = std::vector<std::pair<std::string, std::string>>;

// The first value under `name`; header names compare without case, parameter names with.
std::optional<std::string_view> header(Fields const& headers, std::string_view name);
std::optional<std::string_view> parameter(Fields const& parameters, std::string_view name);

// What a client asks of our server.
struct Request {
  std::string method;  // upper case as sent: "GET"
  std::string target;  // as sent: "/render?target=a"
  std::string path;    // of the target, percent-decoded, without the query: "/render"
  std::string query;   // of the target, raw, without '?'
  Fields parameters;   // the query, decoded
  Fields headers;
  std::string body;
  std::string peer;  // "192.0.2.1:40000", "[2001:db8::1]:40000", "unix uid 0 pid 7"
  // Names that the client has proven to have, at least one: those of its verified certificate, or
  // of what else it showed to whoever checked it; null: none.
  std::shared_ptr<std::vector<std::string> const> peer_names;
};

// The rest of a body, made while it is sent: of a great one no more than a piece is in memory at
// any time, however slowly its reader reads.
struct BodyPieces {
  // Puts the next piece in the place of `piece`, the one before, whose memory it may use again;
  // an empty one behind the last. What it throws cuts the answer off. The server's loop calls,
  // each time a piece has gone: what they tell of must be held until then, which may be a minute.
  std::function<void(std::string& piece)> next;
  std::size_t about = 0;  // bytes in all, rather too many: for those who need it whole
};

struct Response {
  unsigned status = 200;
  Fields headers;  // Content-Length, Connection and Server are made by the server
  std::string body;
  BodyPieces rest = {};  // without next: the body is whole
};

// The body as a whole, of which nothing is left to be made then.
void gather(Response& response);

// A response with its Content-Type; text gets "text/plain; charset=utf-8".
Response text_response(unsigned status, std::string body);
Response json_response(unsigned status, std::string body);
Response typed_response(unsigned status, std::string_view content_type, std::string body);

// The pairs of an application/x-www-form-urlencoded text (WHATWG URL, section 5.1), leniently:
// bytes that should have been encoded ('*', '{', ',', ...) stand for themselves, since Grafana
// posts globs that way, and so does a '%' that two hex digits do not follow. Only '&' separates:
// ';' is part of Graphite's tagged names.
Fields parse_form(std::string_view text);
std::string percent_decode(std::string_view text, bool plus_is_space);
// Everything outside A-Z a-z 0-9 - . _ ~ as %XX (RFC 3986, 2.3).
std::string percent_encode(std::string_view text);

// The query's parameters, then those of the body when it is a form (by its Content-Type), as
// graphite-web merges them.
Fields merged_parameters(Request const& request);

}  // namespace dadvisor::http
