#include "aggregator/cli/alerts.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <ctime>
#include <map>
#include <tuple>
#include <vector>

#include "common/core/config/value.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::cli {

namespace {

namespace json = boost::json;
using Line = std::array<std::string, 8>;

Error not_the_answer() {
  return {Errc::malformed, 0, "the answer is no list of alerts; is this a dAdvisor aggregator?"};
}

std::string text(json::object const& object, char const* key) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? printable(std::string(value->get_string()), 200)
                                                : std::string("-");
}

std::int64_t number(json::object const& object, char const* key) {
  auto const* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::string value_text(json::object const& alert) {
  auto const* value = alert.if_contains("value");
  if (value == nullptr || !value->is_number()) return "-";
  return fmt::format("{:.6g}", value->to_number<double>());
}

// "email 1 sent, wecom 1 retry": how many deliveries of a kind are in which phase.
std::string told_text(json::object const& alert) {
  auto const* deliveries = alert.if_contains("deliveries");
  if (deliveries == nullptr || !deliveries->is_array() || deliveries->get_array().empty())
    return "-";
  std::map<std::string, std::size_t> counts;
  for (auto const& one : deliveries->get_array())
    if (one.is_object()) {
      auto const receiver = text(one.get_object(), "receiver");
      ++counts[receiver.substr(0, receiver.find(':')) + " " + text(one.get_object(), "phase")];
    }
  std::string out;
  for (auto const& [what, count] : counts)
    out += fmt::format("{}{}{}", out.empty() ? "" : ", ", what,
                       count > 1 ? fmt::format(" x{}", count) : "");
  return out;
}

int gravity_of(std::string const& state) {
  static constexpr std::array order = {"CRIT", "WARN", "NODATA", "PENDING", "RESOLVED"};
  return static_cast<int>(std::find(order.begin(), order.end(), state) - order.begin());
}

std::string state_text(json::object const& alert) {
  auto const state = text(alert, "state");
  if (state != "FIRING") return state;
  return text(alert, "level") == "crit" ? "CRIT" : "WARN";
}

}  // namespace

Result<std::string> alerts_table(std::string_view body, std::int64_t now) {
  boost::system::error_code error;
  auto const parsed = json::parse(body, error);
  if (error || !parsed.is_object()) return not_the_answer();
  auto const* list = parsed.get_object().if_contains("alerts");
  if (list == nullptr || !list->is_array()) return not_the_answer();
  struct Sorted {
    int gravity;
    std::int64_t since;
    Line line;
  };
  std::vector<Sorted> rows;
  for (auto const& one : list->get_array()) {
    if (!one.is_object()) return not_the_answer();
    auto const& alert = one.get_object();
    auto const state = state_text(alert);
    auto const since = number(alert, "since");
    auto const age = std::chrono::seconds(std::max<std::int64_t>(now - since, 0));
    rows.push_back(
        {gravity_of(state),
         since,
         {state, config::duration_text(age), value_text(alert), text(alert, "rule"),
          text(alert, "app"), text(alert, "owner"), text(alert, "instance"), told_text(alert)}});
  }
  if (rows.empty()) return std::string("no alerts\n");
  std::stable_sort(rows.begin(), rows.end(), [](Sorted const& a, Sorted const& b) {
    return std::tie(a.gravity, a.since) < std::tie(b.gravity, b.since);
  });
  std::vector<Line> lines = {{"STATE", "FOR", "VALUE", "RULE", "APP", "OWNER", "INSTANCE", "TOLD"}};
  for (auto& row : rows) lines.push_back(std::move(row.line));
  std::array<std::size_t, 8> widths{};
  for (auto const& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string out;
  for (auto const& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i)
      row += i + 1 == line.size() ? line[i] : fmt::format("{:<{}}  ", line[i], widths[i]);
    out += row + "\n";
  }
  return out;
}

}  // namespace dadvisor::aggregator::cli
