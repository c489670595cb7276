#pragma once
// Where an HTTP peer is: a URL of a configuration file, or the origin that a client talks to.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::http {

// A TCP host and port, by TLS or not, or, where socket_path is not empty, a unix socket.
struct Origin {
  std::string host;  // a name, an IPv4 address, or an IPv6 address without brackets
  std::uint16_t port = 80;
  std::string socket_path;
  bool tls = false;
  bool operator==(Origin const&) const = default;
};

// For the Host header and for people: "host:8686", "[::1]:8686", "unix:/run/docker.sock".
std::string to_string(Origin const& origin);

struct Url {
  Origin origin;
  std::string target;  // path and query, at least "/"
};

// "http://HOST[:PORT][/PATH][?QUERY]", the same with "https://", or "unix:/PATH" (RFC 3986; no user
// part, no fragment). Errc::malformed tells what is wrong with it, Errc::unsupported another
// scheme.
Result<Url> parse_url(std::string_view text);

}  // namespace dadvisor::http
