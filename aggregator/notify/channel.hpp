#pragma once
// A way to deliver messages: mail, or one webhook, or one robot. The seam between the queue and
// the network.
//
// deliver() blocks until the outcome is known, a time-out, or `stop`. Each channel is called by
// one thread, its own: so one that hangs holds up nobody else.

#include <memory>
#include <stop_token>
#include <string>

#include "aggregator/notify/message_context.hpp"
#include "aggregator/notify/notify_file.hpp"
#include "aggregator/notify/outbox.hpp"
#include "aggregator/notify/pace.hpp"
#include "common/core/clock.hpp"
#include "common/curl/http_post.hpp"
#include "common/curl/smtp.hpp"

namespace dadvisor::aggregator::notify {

class Channel {
 public:
  virtual ~Channel() = default;
  // The keys of its receivers, "webhook:NAME"; with nothing behind the colon what keys of
  // receivers begin with, "email:". What is due for the first goes before what is for the next.
  virtual std::vector<std::string> const& kinds() const = 0;
  // How fast it may be used. Where that is limited, the last message for a while tells of all
  // that is due, whatever the rule.
  virtual Pace pace() const { return {}; }
  virtual curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) = 0;
  // How long to leave it alone after the last deliver().
  virtual Nanoseconds penalty() const { return {}; }
};

class EmailChannel final : public Channel {
 public:
  // `from` is an address. Without a server every mail is refused for now (retry), so that nothing
  // is lost while the operator writes mail.server.
  // Without context_of its mails have no pictures.
  EmailChannel(std::optional<curl::SmtpOptions> server, std::string from, std::string external_url,
               Clock const& clock, ContextOf context_of = {});
  std::vector<std::string> const& kinds() const override { return kinds_; }
  curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) override;

 private:
  std::vector<std::string> const kinds_{"email:"};
  std::optional<curl::SmtpClient> client_;
  std::string from_;
  std::string external_url_;
  Clock const& clock_;
  ContextOf const context_of_;
};

class WebhookChannel final : public Channel {
 public:
  WebhookChannel(Webhook hook, std::string receiver, std::string external_url);
  std::vector<std::string> const& kinds() const override { return kinds_; }
  curl::Delivery deliver(Batch const& batch, std::stop_token const& stop) override;

 private:
  Webhook const hook_;
  std::string const receiver_;
  std::vector<std::string> const kinds_;
  std::string external_url_;
  curl::HttpPoster poster_;
};

// The mail of a batch for its receiver. Message-ID from incident, transition and receiver, so that
// a second try of an unknown outcome is the same mail; References its incidents, so that clients
// show a thread. A mail above 1 MiB goes without its picture.
Result<std::string> mail_of(Batch const& batch, MessageContext const& context,
                            std::string const& from, std::string_view external_url, WallTime now);

}  // namespace dadvisor::aggregator::notify
