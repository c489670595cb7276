#pragma once
// A way to deliver messages: mail, or a webhook. The seam between the queue and the network.
//
// deliver() blocks until the outcome is known, a time-out, or `stop`. Each channel is called by
// one thread, its own.

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "aggregator/notify/notify_file.hpp"
#include "aggregator/notify/outbox.hpp"
#include "common/core/clock.hpp"
#include "common/curl/http_post.hpp"
#include "common/curl/smtp.hpp"

namespace dadvisor::aggregator::notify {

class Channel {
 public:
  virtual ~Channel() = default;
  // What the keys of its receivers begin with: "email:", "webhook:".
  virtual std::string_view kind() const = 0;
  virtual curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) = 0;
};

class EmailChannel final : public Channel {
 public:
  // `from` is an address. Without a server every mail is refused for now (retry), so that nothing
  // is lost while the operator writes mail.server.
  EmailChannel(std::optional<curl::SmtpOptions> server, std::string from, std::string external_url,
               Clock const& clock);
  std::string_view kind() const override { return "email:"; }
  curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) override;

 private:
  std::optional<curl::SmtpClient> client_;
  std::string from_;
  std::string external_url_;
  Clock const& clock_;
};

class WebhookChannel final : public Channel {
 public:
  WebhookChannel(Directory const& directory, std::string external_url);
  std::string_view kind() const override { return "webhook:"; }
  curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) override;

 private:
  std::map<std::string, Webhook> hooks_;  // by receiver
  std::string external_url_;
  curl::HttpPoster poster_;
};

// The mail of a batch for its receiver: Message-ID from the batch's id, so that a second try of an
// unknown outcome is the same mail; References its first incident, so that clients show a thread.
Result<std::string> mail_of(Batch const& batch, std::string const& from,
                            std::string_view external_url, WallTime now);

}  // namespace dadvisor::aggregator::notify
