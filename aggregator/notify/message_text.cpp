#include "aggregator/notify/message_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

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

}  // namespace

Transition const& gravest(Batch const& batch) { return *by_gravity(batch).front(); }

std::vector<Transition const*> by_gravity(Batch const& batch) {
  std::vector<Transition const*> out;
  for (auto const& notice : batch.notices) out.push_back(&notice);
  std::stable_sort(out.begin(), out.end(), [](Transition const* a, Transition const* b) {
    return gravity(*a) > gravity(*b);
  });
  return out;
}

bool is_digest(Batch const& batch) {
  auto const& first = batch.notices.front();
  return std::any_of(batch.notices.begin(), batch.notices.end(), [&](Transition const& one) {
    return one.rule != first.rule || label(one, "app") != label(first, "app");
  });
}

std::string clock_text(alert::Tick tick) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(tick.time_since_epoch().count())));
}

std::string label(Transition const& notice, char const* name) {
  auto const found = notice.state.labels.find(name);
  return found == notice.state.labels.end() ? std::string() : printable(found->second, 256);
}

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

std::string span_text(Transition const& notice) {
  auto const& state = notice.state;
  auto const took = config::duration_text(notice.tick - state.began);
  if (state.status == Status::resolved)
    return fmt::format("from {} to {} ({})", clock_text(state.began), clock_text(notice.tick),
                       took);
  // Of missing data its own "since" is told already.
  return fmt::format("{}since {} ({})", state.status == Status::nodata ? "the alert stands " : "",
                     clock_text(state.began), took);
}

std::string short_name(alert::LabelMap const& labels, std::string const& series) {
  auto const value = [&](char const* name) {
    auto const found = labels.find(name);
    return found == labels.end() ? std::string() : printable(found->second, 256);
  };
  auto const host = value("host"), kind = value("kind");
  if (auto const instance = value("instance"); !host.empty() && !instance.empty())
    return host + "/" + instance;
  if (kind == "host" && !host.empty()) return host;
  if (auto const app = value("app"); kind == "app" && !app.empty()) return app;
  return printable(series, 256);
}

std::string short_name(Transition const& notice) {
  return short_name(notice.state.labels, notice.instance);
}

namespace {

void append_instance(std::string& out, Transition const& notice, bool titled) {
  auto const& state = notice.state;
  out += fmt::format("  {} ", state_word(notice));
  if (titled && !state.title.empty()) out += printable(state.title, 512) + "\n    ";
  out += printable(notice.instance, 512) + "\n";
  out += fmt::format("    {}\n", finding(notice));
  out += fmt::format("    {}\n", span_text(notice));
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
  return notice.state.value ? number_text(*notice.state.value) : "absent";
}

std::string number_text(double value) {
  static constexpr std::array units = {" k", " M", " G", " T", " P"};
  if (!(std::abs(value) >= 10'000) || std::abs(value) >= 1e18) return fmt::format("{:.4g}", value);
  std::size_t unit = 0;
  for (value /= 1000; std::abs(value) >= 999.95 && unit + 1 < units.size(); ++unit) value /= 1000;
  return fmt::format("{:.4g}{}", value, units[unit]);
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
  return fmt::format("{}/render?target={}&from={}&until={}&format=png&width=1000&height=400",
                     external_url, percent_encoded(notice.expr),
                     notice.state.began.time_since_epoch().count() - 3600,
                     notice.tick.time_since_epoch().count() + 600);
}

std::string headline(Batch const& batch) {
  auto const& first = gravest(batch);
  auto const title = printable(first.state.title.empty() ? first.rule : first.state.title, 200);
  auto const text = fmt::format("[{}] {}", state_word(first), title);
  if (batch.notices.size() == 1) return text;
  if (!is_digest(batch)) return fmt::format("{} ({} instances)", text, batch.notices.size());
  auto const more = batch.notices.size() - 1;
  return fmt::format("{} and {} more alert{}", text, more, more == 1 ? "" : "s");
}

std::string subject(Batch const& batch) {
  return fmt::format(
      "{} since {:%d %b %H:%M} UTC", headline(batch),
      fmt::gmtime(static_cast<std::time_t>(gravest(batch).state.began.time_since_epoch().count())));
}

std::string why_text(Batch const& batch) {
  auto const& first = gravest(batch);
  if (is_digest(batch))
    return "You get this because several rules notify you; it came as one message to spare you "
           "many.";
  auto const owner = label(first, "owner");
  bool const as_owner =
      std::find(first.notify.begin(), first.notify.end(), "owner") != first.notify.end();
  auto const ways = first.notify.empty() ? "you" : fmt::format("{}", fmt::join(first.notify, ", "));
  if (as_owner && !owner.empty())
    return fmt::format("You get this because the rule {} notifies {}, and the owner label says {}.",
                       first.rule, ways, owner);
  return fmt::format("You get this because the rule {} notifies {}.", first.rule, ways);
}

std::string body(Batch const& batch, MessageContext const& context, std::string_view external_url) {
  auto const& first = gravest(batch);
  std::string out = headline(batch) + "\n\n";
  auto const line = [&](char const* name, std::string const& text) {
    if (!text.empty()) out += fmt::format("{:<9}{}\n", name, text);
  };
  bool const several = is_digest(batch);
  if (!several) {
    line("App:", label(first, "app"));
    line("Owner:", label(first, "owner"));
    line("Cluster:", label(first, "cluster"));
    line("Rule:", first.rule);
    line("Target:", printable(first.expr, 512));
    out += '\n';
  }
  out += fmt::format("{} ({}):\n", several ? "Alerts" : "Instances", batch.notices.size());
  for (auto const* notice : by_gravity(batch)) append_instance(out, *notice, several);
  if (several) out += fmt::format("\nOf the first, {}:\n", first.rule);
  if (context.series > 1) {
    out += fmt::format("\nWorst of {}, by the last value:\n", context.series);
    for (auto const& one : context.worst)
      out += fmt::format("  {:>10}  {}\n", one.value ? number_text(*one.value) : "absent",
                         printable(one.name, 200));
  }
  if (!context.events.empty()) {
    out += "\nIn the hour before:\n";
    for (auto const& event : context.events)
      out += fmt::format("  {}  {}\n", clock_text(alert::Tick(std::chrono::seconds(event.when))),
                         printable(event.what, 200));
  }
  // An expression of a removed rule is not known any more.
  if (!first.expr.empty() && !external_url.empty())
    out += fmt::format("\nGraph:   {}\n", render_url(external_url, first));
  if (auto const runbook = label(first, "runbook"); !runbook.empty())
    out += fmt::format("Runbook: {}\n", runbook);
  out += fmt::format("\n-- \n{}\n", why_text(batch));
  return out;
}

}  // namespace dadvisor::aggregator::notify
