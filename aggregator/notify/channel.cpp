#include "aggregator/notify/channel.hpp"

#include <fmt/format.h>

#include "aggregator/notify/alertmanager_json.hpp"
#include "aggregator/notify/message_html.hpp"
#include "aggregator/notify/message_text.hpp"
#include "common/core/log.hpp"
#include "common/curl/mail.hpp"

namespace dadvisor::aggregator::notify {

using curl::Delivery;
using curl::Outcome;

namespace {

constexpr std::size_t most_mail = 1 << 20;
constexpr std::size_t most_references = 20;

}  // namespace

Result<std::string> mail_of(Batch const& batch, MessageContext const& context,
                            std::string const& from, std::string_view external_url, WallTime now) {
  auto const& first = gravest(batch);
  auto const domain = from.substr(from.find('@') + 1);
  curl::Mail mail;
  mail.from = from;
  mail.from_name = "dAdvisor";
  mail.to = batch.receiver.substr(batch.receiver.find(':') + 1);
  mail.subject = subject(batch);
  mail.date = now;
  mail.message_id = fmt::format("{}.{}.{}@{}", first.state.incident, first.state.sequence,
                                batch.id.substr(0, 16), domain);
  for (auto const* notice : by_gravity(batch))
    if (mail.references.size() < most_references)
      mail.references.push_back(fmt::format("{}.0@{}", notice->state.incident, domain));
  mail.headers = {{"List-Id", fmt::format("dAdvisor alerts <alerts.dadvisor.{}>", domain)},
                  {"X-DAdvisor-Incident", first.state.incident},
                  {"X-DAdvisor-State", state_word(first)},
                  {"X-DAdvisor-Rule", first.rule}};
  auto const level = first.state.level != alert::Level::none ? first.state.level : first.from_level;
  if (level != alert::Level::none)
    mail.headers.emplace_back("X-DAdvisor-Severity", alert::to_string(level));
  if (auto const app = label(first, "app"); !app.empty())
    mail.headers.emplace_back("X-DAdvisor-App", app);
  mail.body = body(batch, context, external_url);
  std::string const picture = fmt::format("graph.{}@{}", batch.id.substr(0, 16), domain);
  mail.html = html_body(batch, context, external_url, context.png.empty() ? "" : picture);
  if (context.png.empty()) return curl::render(mail);
  mail.images.push_back({picture, "graph.png", context.png});
  auto whole = curl::render(mail);
  if (!whole || whole->size() <= most_mail) return whole;
  mail.images.clear();
  mail.html = html_body(batch, context, external_url, "");
  return curl::render(mail);
}

EmailChannel::EmailChannel(std::optional<curl::SmtpOptions> server, std::string from,
                           std::string external_url, Clock const& clock, ContextOf context_of)
    : from_(std::move(from)),
      external_url_(std::move(external_url)),
      clock_(clock),
      context_of_(std::move(context_of)) {
  if (server) client_.emplace(std::move(*server));
}

Delivery EmailChannel::deliver(Batch const& batch, std::stop_token const& stop) {
  if (!client_) return {Outcome::retry, 0, "no mail.server is configured"};
  MessageContext context;
  if (context_of_) context = context_of_(gravest(batch));
  auto const message = mail_of(batch, context, from_, external_url_, clock_.wall());
  if (!message) return {Outcome::permanent, 0, to_string(message.error())};
  return client_->send(from_, batch.receiver.substr(kinds_.front().size()), *message, stop);
}

WebhookChannel::WebhookChannel(Webhook hook, std::string receiver, std::string external_url)
    : hook_(std::move(hook)),
      receiver_(std::move(receiver)),
      kinds_({"webhook:" + receiver_}),
      external_url_(std::move(external_url)),
      poster_("dadvisor/" DADVISOR_VERSION) {}

Delivery WebhookChannel::deliver(Batch const& batch, std::stop_token const& stop) {
  curl::Post post;
  post.url = hook_.url;
  post.body = alertmanager_json(batch, receiver_, external_url_);
  post.headers = {{"Idempotency-Key", batch.id}};
  if (!hook_.token.empty()) post.headers.emplace_back("Authorization", "Bearer " + hook_.token);
  post.ca_file = hook_.ca_file;
  post.timeout = hook_.timeout;
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
