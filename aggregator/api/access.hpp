#pragma once
// Who may ask, and for whom: everybody on loopback; else whoever shows the token of token_file,
// which reads all, tells events and writes as any host. A token of host_tokens_file or a verified
// client certificate writes as its own hosts and does nothing else. Owned by the loop's thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/ingest/host_tokens.hpp"
#include "common/core/result.hpp"
#include "common/http/message.hpp"

namespace dadvisor::aggregator::api {

// What a request may do.
struct Admission {
  std::optional<http::Response> refusal;  // 401 (RFC 6750, section 3) or 403: nothing
  std::vector<std::string> agents;        // it may write as one of these; empty: as any
};

class Access {
 public:
  // Without a token everything is allowed.
  Access() = default;
  // The token is the file's first line. Errors: the file cannot be read, is empty, or others than
  // its owner may read it (denied): each with its remedy.
  static Result<Access> from_file(std::string const& path);

  void set_host_tokens(std::unique_ptr<ingest::HostTokens> tokens) {
    host_tokens_ = std::move(tokens);
  }
  // Clients are asked for certificates: who writes must show one, or a token.
  void expect_certificates() { certificates_ = true; }

  Admission admit(http::Request const& request, MonotonicTime now);
  ingest::HostTokens const* host_tokens() const { return host_tokens_.get(); }

 private:
  std::string token_;
  std::unique_ptr<ingest::HostTokens> host_tokens_;
  bool certificates_ = false;
};

// True when only processes of this machine can reach an address: 127.0.0.0/8, ::1, localhost.
bool is_loopback(std::string const& host);

}  // namespace dadvisor::aggregator::api
