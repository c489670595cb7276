#pragma once
// The sender's transport over HTTP on the agent's loop.

#include <memory>
#include <string>

#include "agent/send/transport.hpp"
#include "common/http/client.hpp"
#include "common/http/loop.hpp"
#include "common/http/url.hpp"

namespace dadvisor::agent {

// Owned by the loop's thread; must go before the loop.
class HttpTransport final : public Transport {
 public:
  // Paths are put behind the path of `aggregator`. `token`: sent as a bearer token; empty: none.
  // `tls`: for an `aggregator` of https.
  HttpTransport(http::Loop& loop, http::Url const& aggregator, std::string token,
                std::shared_ptr<http::TlsCredentials> tls = nullptr);
  void post(std::string_view path, std::string_view content_type, std::string body,
            std::function<void(Result<PostReply>)> callback) override;
  void call_after(Nanoseconds delay, std::function<void()> function) override;

 private:
  http::Loop& loop_;
  std::string prefix_;
  std::string token_;
  http::Timer timer_;
  http::Client client_;
};

}  // namespace dadvisor::agent
