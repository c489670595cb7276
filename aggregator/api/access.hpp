#pragma once
// Who may ask: everybody on loopback, elsewhere whoever shows the token of token_file (until users
// and rights land). Immutable after it is made: any thread.

#include <optional>
#include <string>

#include "common/core/result.hpp"
#include "common/http/message.hpp"

namespace dadvisor::aggregator::api {

class Access {
 public:
  // Without a token everything is allowed.
  Access() = default;
  // The token is the file's first line. Errors: the file cannot be read, is empty, or others than
  // its owner may read it (denied): each with its remedy.
  static Result<Access> from_file(std::string const& path);

  // nullopt when the request may go on, else the 401 that answers it (RFC 6750, section 3).
  std::optional<http::Response> refuse(http::Request const& request) const;

 private:
  std::string token_;
};

// True when only processes of this machine can reach an address: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string const& host);

}  // namespace dadvisor::aggregator::api
