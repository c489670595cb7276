#include "aggregator/api/access.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>

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

std::optional<http::Response> Access::refuse(http::Request const& request) const {
  if (token_.empty()) return std::nullopt;
  constexpr std::string_view scheme = "Bearer ";
  auto const field = http::header(request.headers, "Authorization").value_or("");
  if (field.starts_with(scheme)) {
    auto const shown = field.substr(scheme.size());
    // The comparison takes as long for a wrong token as for the right one.
    if (shown.size() == token_.size() &&
        CRYPTO_memcmp(shown.data(), token_.data(), token_.size()) == 0)
      return std::nullopt;
  }
  auto response = http::text_response(401, "a bearer token is needed: see token_file\n");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"dadvisor\"");
  return response;
}

bool is_loopback(std::string const& host) {
  if (host == "localhost") return true;
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return ::inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace dadvisor::aggregator::api
