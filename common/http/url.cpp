#include "common/http/url.hpp"

#include "common/core/config/value.hpp"
#include "common/core/log.hpp"

namespace dadvisor::http {

std::string to_string(Origin const& origin) {
  if (!origin.socket_path.empty()) return "unix:" + origin.socket_path;
  return config::to_string(config::HostPort{origin.host, origin.port});
}

Result<Url> parse_url(std::string_view text) {
  auto const malformed = [&](std::string_view why) {
    return Error{Errc::malformed, 0, fmt::format("'{}' is no URL: {}", printable(text, 200), why)};
  };
  for (char const c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      return malformed("it has a blank or a control byte");
    }
  }
  Url url;
  if (text.starts_with("unix:/")) {
    url.origin.socket_path = text.substr(5);
    url.target = "/";
    return url;
  }
  auto const colon = text.find("://");
  if (colon == std::string_view::npos) return malformed("write http://HOST:PORT");
  url.origin.tls = text.substr(0, colon) == "https";
  if (!url.origin.tls && text.substr(0, colon) != "http") {
    return Error{
        Errc::unsupported, 0,
        fmt::format("'{}': only http:// and https:// are spoken here", printable(text, 200))};
  }
  text.remove_prefix(colon + 3);
  auto const end = text.find_first_of("/?#");
  auto const authority = text.substr(0, end);
  auto target = end == std::string_view::npos ? std::string_view() : text.substr(end);
  if (authority.find('@') != std::string_view::npos) return malformed("no user part is allowed");
  auto peer = config::parse_host_port(authority, url.origin.tls ? 443 : 80);
  if (!peer) return malformed(peer.error().context);
  url.origin.host = std::move(peer->host);
  url.origin.port = peer->port;
  target = target.substr(0, target.find('#'));
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace dadvisor::http
