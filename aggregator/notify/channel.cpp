#include "aggregator/notify/channel.hpp"

#include <fmt/format.h>

#include "aggregator/notify/alertmanager_json.hpp"
#include "aggregator/notify/message_text.hpp"
#include "common/core/log.hpp"
#include "common/curl/mail.hpp"

namespace dadvisor::aggregator::notify {

using curl::Delivery;
using curl::Outcome;

Result<std::string> mail_of(Batch const& batch, std::string const& from,
                            std::string_view external_url, WallTime now) {
  auto const& first = batch.notices.front();
  auto const domain = from.substr(from.find('@') + 1);
  curl::Mail mail;
  mail.from = from;
  mail.from_name = "dAdvisor";
  mail.to = batch.receiver.substr(batch.receiver.find(':') + 1);
  mail.subject = subject(batch);
  mail.date = now;
  mail.message_id = fmt::format("{}@{}", batch.id, domain);
  mail.in_reply_to = fmt::format("{}.0@{}", first.state.incident, domain);
  mail.headers = {{"X-DAdvisor-Incident", first.state.incident},
                  {"X-DAdvisor-State", state_word(first)},
                  {"X-DAdvisor-Rule", first.rule}};
  if (auto const app = first.state.labels.find("app"); app != first.state.labels.end())
    mail.headers.emplace_back("X-DAdvisor-App", printable(app->second, 256));
  mail.body = body(batch, external_url);
  return curl::render(mail);
}

EmailChannel::EmailChannel(std::optional<curl::SmtpOptions> server, std::string from,
                           std::string external_url, Clock const& clock)
    : from_(std::move(from)), external_url_(std::move(external_url)), clock_(clock) {
  if (server) client_.emplace(std::move(*server));
}

Delivery EmailChannel::deliver(Batch const& batch, std::stop_token const& stop) {
  if (!client_) return {Outcome::retry, 0, "no mail.server is configured"};
  auto const message = mail_of(batch, from_, external_url_, clock_.wall());
  if (!message) return {Outcome::permanent, 0, to_string(message.error())};
  return client_->send(from_, batch.receiver.substr(kind().size()), *message, stop);
}

WebhookChannel::WebhookChannel(Directory const& directory, std::string external_url)
    : external_url_(std::move(external_url)), poster_("dadvisor/" DADVISOR_VERSION) {
  for (auto const& [name, receiver] : directory.receivers)
    if (!receiver.webhook.empty()) hooks_.emplace(name, receiver.webhook.front());
}

Delivery WebhookChannel::deliver(Batch const& batch, std::stop_token const& stop) {
  auto const name = batch.receiver.substr(kind().size());
  auto const hook = hooks_.find(name);
  if (hook == hooks_.end()) return {Outcome::permanent, 0, "no such receiver any more"};
  curl::Post post;
  post.url = hook->second.url;
  post.body = alertmanager_json(batch, name, external_url_);
  post.headers = {{"Idempotency-Key", batch.id}};
  if (!hook->second.token.empty())
    post.headers.emplace_back("Authorization", "Bearer " + hook->second.token);
  post.ca_file = hook->second.ca_file;
  post.timeout = hook->second.timeout;
  auto const reply = poster_.post(post, stop);
  // A time-out may have arrived; the key makes the second one harmless, so it is a plain retry.
  if (!reply)
    return {reply.error().code == Errc::malformed ? Outcome::permanent : Outcome::retry, 0,
            to_string(reply.error())};
  auto const status = reply->status;
  if (status >= 200 && status < 300) return {Outcome::sent, status, {}};
  bool const later = status >= 500 || status == 429 || status == 408;
  return {later ? Outcome::retry : Outcome::permanent, status,
          fmt::format("HTTP {}: {}", status, printable(reply->body, 200))};
}

}  // namespace dadvisor::aggregator::notify
