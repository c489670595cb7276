#include "aggregator/notify/message_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/core/config/value.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::notify {

namespace {

using alert::Status;
using alert::Transition;

// The higher, the graver; for a message's one word.
int gravity(Transition const& notice) {
  static constexpr std::array words = {"RESOLVED", "NODATA", "WARN", "CRIT"};
  auto const word = state_word(notice);
  return static_cast<int>(std::find(words.begin(), words.end(), word) - words.begin());
}

Transition const& gravest(Batch const& batch) {
  return *std::max_element(
      batch.notices.begin(), batch.notices.end(),
      [](Transition const& a, Transition const& b) { return gravity(a) < gravity(b); });
}

std::string clock_text(alert::Tick tick) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(tick.time_since_epoch().count())));
}

std::string label(Transition const& notice, char const* name) {
  auto const found = notice.state.labels.find(name);
  return found == notice.state.labels.end() ? std::string() : printable(found->second, 256);
}

// What happened, in a sentence's half: "value 97.3, crit when > 90 for 3m".
std::string finding(Transition const& notice) {
  auto const& state = notice.state;
  if (state.status == Status::firing)
    return fmt::format("value {}, {} when {}", value_text(notice), alert::to_string(state.level),
                       notice.condition);
  if (state.status == Status::nodata)
    return fmt::format("no data since {}, the last value was {}", clock_text(state.last_data),
                       value_text(notice));
  switch (notice.reason) {
    case alert::Reason::gone:
      return "it has ended";
    case alert::Reason::expired:
      return fmt::format("no data since {}, no longer watched", clock_text(state.last_data));
    case alert::Reason::rule_removed:
      return "the rule was removed";
    case alert::Reason::none:
    case alert::Reason::cleared:
      break;
  }
  auto const was = notice.condition.empty() ? "data is back" : "it was " + notice.condition;
  return fmt::format("value {}, {}", value_text(notice), was);
}

void append_instance(std::string& out, Transition const& notice) {
  auto const& state = notice.state;
  out += fmt::format("  {} {}\n", state_word(notice), printable(notice.instance, 512));
  out += fmt::format("    {}\n", finding(notice));
  auto const took = config::duration_text(notice.tick - state.began);
  if (state.status == Status::resolved)
    out += fmt::format("    from {} to {} ({})\n", clock_text(state.began), clock_text(notice.tick),
                       took);
  else
    out += fmt::format("    since {} ({})\n", clock_text(state.began), took);
  for (auto const* name : {"host", "instance"})
    if (auto const text = label(notice, name); !text.empty())
      out += fmt::format("    {} {}\n", name, text);
  out += fmt::format("    incident {}\n", state.incident);
}

}  // namespace

std::string state_word(Transition const& notice) {
  switch (notice.state.status) {
    case Status::firing:
      return notice.state.level == alert::Level::crit ? "CRIT" : "WARN";
    case Status::nodata:
      return "NODATA";
    case Status::ok:
    case Status::pending:
    case Status::resolved:
      break;
  }
  return "RESOLVED";
}

std::string value_text(Transition const& notice) {
  return notice.state.value ? fmt::format("{:.6g}", *notice.state.value) : "absent";
}

std::string rfc3339(alert::Tick tick) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     fmt::gmtime(static_cast<std::time_t>(tick.time_since_epoch().count())));
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char const c : text) {
    bool const unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') ||
                            std::string_view("-._~").find(c) != std::string_view::npos;
    if (unreserved)
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string render_url(std::string_view external_url, Transition const& notice) {
  while (external_url.ends_with('/')) external_url.remove_suffix(1);
  return fmt::format("{}/render?target={}&from={}&until={}&format=json", external_url,
                     percent_encoded(notice.expr),
                     notice.state.began.time_since_epoch().count() - 3600,
                     notice.tick.time_since_epoch().count() + 600);
}

std::string subject(Batch const& batch) {
  auto const& first = gravest(batch);
  auto const title = printable(first.state.title.empty() ? first.rule : first.state.title, 200);
  if (batch.notices.size() == 1) return fmt::format("[{}] {}", state_word(first), title);
  return fmt::format("[{}] {} ({} instances)", state_word(first), title, batch.notices.size());
}

std::string body(Batch const& batch, std::string_view external_url) {
  auto const& first = gravest(batch);
  std::string out = subject(batch) + "\n\n";
  auto const line = [&](char const* name, std::string const& text) {
    if (!text.empty()) out += fmt::format("{:<9}{}\n", name, text);
  };
  line("App:", label(first, "app"));
  line("Owner:", label(first, "owner"));
  line("Cluster:", label(first, "cluster"));
  line("Rule:", first.rule);
  out += fmt::format("\nInstances ({}):\n", batch.notices.size());
  for (auto const& notice : batch.notices) append_instance(out, notice);
  // An expression of a removed rule is not known any more.
  if (!first.expr.empty() && !external_url.empty())
    out += fmt::format("\nFigures: {}\n", render_url(external_url, first));
  out +=
      fmt::format("\n-- \nYou get this because the rule {} notifies {}.\n", first.rule,
                  first.notify.empty() ? "you" : fmt::format("{}", fmt::join(first.notify, ", ")));
  return out;
}

}  // namespace dadvisor::aggregator::notify
