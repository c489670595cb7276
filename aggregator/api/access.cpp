#include "aggregator/api/access.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>

#include "common/core/delivery/protocol.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::aggregator::api {

Result<Access> Access::from_file(std::string const& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return os_error(errno, path);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::denied, 0, path + ": others may read the token; chmod 600 it"};
  auto text = read_file(path, 4096);
  if (!text) return text.error();
  auto token = text->substr(0, text->find_first_of("\r\n"));
  if (token.size() < 16)
    return Error{Errc::malformed, 0,
                 path + ": the token is shorter than 16 characters; try: openssl rand -hex 32"};
  Access access;
  access.token_ = std::move(token);
  return access;
}

namespace {

http::Response unauthorised(char const* why) {
  auto response = http::text_response(401, why);
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"dadvisor\"");
  return response;
}

bool writes(http::Request const& request) {
  return request.path == delivery::hello_path || request.path == delivery::batches_path;
}

// A person or a script tells an event, by the token of token_file.
bool announces(http::Request const& request) {
  std::string_view path = request.path;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return request.method == "POST" && path == "/events";
}

// What an agent's doctor asks.
bool asks_whether_it_runs(http::Request const& request) {
  return request.path == "/api/v1/status" && http::parameter(request.parameters, "streams") == "0";
}

// For a host's own token or certificate.
Admission as_hosts(http::Request const& request, std::vector<std::string> hosts) {
  if (writes(request) || asks_whether_it_runs(request)) return {std::nullopt, std::move(hosts)};
  return {http::text_response(403, "what was shown is " + printable(hosts.front(), 255) +
                                       "'s, to write its figures; readers show the token of "
                                       "token_file\n"),
          {}};
}

}  // namespace

Admission Access::admit(http::Request const& request, MonotonicTime now) {
  constexpr std::string_view scheme = "Bearer ";
  auto const field = http::header(request.headers, "Authorization").value_or("");
  if (field.starts_with(scheme) && (!token_.empty() || host_tokens_)) {
    auto const shown = field.substr(scheme.size());
    // The comparison takes as long for a wrong token as for the right one.
    if (!token_.empty() && shown.size() == token_.size() &&
        CRYPTO_memcmp(shown.data(), token_.data(), token_.size()) == 0)
      return {};
    if (host_tokens_) {
      host_tokens_->look(now);
      if (auto host = host_tokens_->host_of(shown)) return as_hosts(request, {std::move(*host)});
    }
    return {unauthorised("nobody's bearer token: see token_file and host_tokens_file\n"), {}};
  }
  if (request.peer_names) {
    if (token_.empty() && !writes(request) && !announces(request)) return {};
    return as_hosts(request, *request.peer_names);
  }
  if (!token_.empty()) return {unauthorised("a bearer token is needed: see token_file\n"), {}};
  if ((host_tokens_ || certificates_) && writes(request))
    return {unauthorised("a host's token or certificate is needed to write its figures\n"), {}};
  // Who reads without a token may not write on that account.
  if ((host_tokens_ || certificates_) && announces(request))
    return {unauthorised("telling events needs the token of token_file\n"), {}};
  return {};
}

bool is_loopback(std::string const& host) {
  if (host == "localhost") return true;
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return ::inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace dadvisor::aggregator::api
