#include "agent/send/http_transport.hpp"

#include <charconv>

namespace dadvisor::agent {
namespace {

// RFC 9110, 10.2.3: seconds, or a date, which nobody sends us.
std::optional<Nanoseconds> seconds_of(std::optional<std::string_view> value) {
  if (!value) return std::nullopt;
  std::uint32_t seconds = 0;
  auto const [end, error] = std::from_chars(value->data(), value->data() + value->size(), seconds);
  if (error != std::errc() || end != value->data() + value->size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

http::ClientOptions one_connection(std::shared_ptr<http::TlsCredentials> tls) {
  http::ClientOptions options;
  options.tls = std::move(tls);
  options.max_connections = 1;
  // Ours goes before the aggregator closes it, at 60 s: a post that meets the end of a connection
  // cannot be told from one that arrived.
  options.idle_timeout = std::chrono::seconds(45);
  return options;
}

}  // namespace

HttpTransport::HttpTransport(http::Loop& loop, http::Url const& aggregator, std::string token,
                             std::shared_ptr<http::TlsCredentials> tls)
    : loop_(loop),
      prefix_(aggregator.target),
      token_(std::move(token)),
      client_(loop, aggregator.origin, one_connection(std::move(tls))) {
  while (!prefix_.empty() && prefix_.back() == '/') prefix_.pop_back();
}

void HttpTransport::post(std::string_view path, std::string_view content_type, std::string body,
                         std::function<void(Result<PostReply>)> callback) {
  http::ClientRequest request;
  request.method = "POST";
  request.target = prefix_ + std::string(path);
  request.headers = {{"Content-Type", std::string(content_type)}};
  if (!token_.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_);
  request.body = std::move(body);
  request.timeout = std::chrono::seconds(15);
  request.max_reply = 64 << 10;
  client_.request(std::move(request),
                  [callback = std::move(callback)](Result<http::Response> response) {
                    if (!response) return callback(response.error());
                    PostReply reply;
                    reply.status = response->status;
                    reply.retry_after = seconds_of(http::header(response->headers, "Retry-After"));
                    reply.body = std::move(response->body);
                    callback(std::move(reply));
                  });
}

void HttpTransport::call_after(Nanoseconds delay, std::function<void()> function) {
  timer_ = loop_.after(delay, std::move(function));
}

}  // namespace dadvisor::agent
