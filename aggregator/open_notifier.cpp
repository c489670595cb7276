#include "aggregator/open_notifier.hpp"

#include "aggregator/notify/robot_channel.hpp"
#include "aggregator/start_failure.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::aggregator {

std::unique_ptr<notify::Notifier> open_notifier(Settings const& settings,
                                                notify::Directory const& directory,
                                                notify::FiguresContext const& figures,
                                                std::string const& url, Clock const& clock,
                                                Log const& log) {
  std::optional<curl::SmtpOptions> server;
  if (!settings.mail_server.empty()) {
    auto options = notify::smtp_options(settings.mail_server, settings.mail_tls);
    if (!options) fail("mail.server: " + to_string(options.error()));
    options->ca_file = settings.mail_ca_file;
    options->user = settings.mail_user;
    if (!options->user.empty() && settings.mail_tls == "optional")
      fail(
          "mail.tls: optional would send mail.user's password in clear to whoever strips "
          "STARTTLS; use required");
    if (!settings.mail_password_file.empty()) {
      auto const password = read_file(settings.mail_password_file, 4096);
      if (!password) fail("mail.password_file: " + to_string(password.error()));
      options->password = password->substr(0, password->find_first_of("\r\n"));
    }
    server = std::move(*options);
  }
  notify::ContextOf const context_of = [&figures](alert::Transition const& notice) {
    return figures.of(notice);
  };
  std::vector<std::unique_ptr<notify::Channel>> fixed;
  fixed.push_back(std::make_unique<notify::EmailChannel>(std::move(server), settings.mail_from, url,
                                                         clock, context_of));
  auto channel_of = [url, context_of, &clock](
                        std::string const& name,
                        notify::Way const& way) -> std::unique_ptr<notify::Channel> {
    if (auto const* robot = std::get_if<notify::Robot>(&way))
      return std::make_unique<notify::RobotChannel>(*robot, name, url, clock, context_of);
    return std::make_unique<notify::WebhookChannel>(std::get<notify::Webhook>(way), name, url);
  };
  notify::OutboxOptions options;
  options.path = settings.data_dir + "/alerts/outbox";
  auto notifier = notify::Notifier::open(options, directory, std::move(fixed),
                                         std::move(channel_of), clock, log.named("notify"));
  if (!notifier) fail("outbox: " + to_string(notifier.error()), 1);
  return std::move(*notifier);
}

}  // namespace dadvisor::aggregator
