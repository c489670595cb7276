#include "aggregator/alert/rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/core/config/value.hpp"

namespace dadvisor::aggregator::alert {

namespace {

using Operator = Comparison::Operator;

// Two-character operators first, so that ">=" is not read as ">".
constexpr std::array<std::pair<std::string_view, Operator>, 6> operators = {{
    {">=", Operator::greater_equal},
    {"<=", Operator::less_equal},
    {"==", Operator::equal},
    {"!=", Operator::not_equal},
    {">", Operator::greater},
    {"<", Operator::less},
}};

constexpr std::array<std::pair<std::string_view, Reduction::Kind>, 5> reductions = {{
    {"last", Reduction::Kind::last},
    {"avg", Reduction::Kind::average},
    {"max", Reduction::Kind::maximum},
    {"min", Reduction::Kind::minimum},
    {"sum", Reduction::Kind::sum},
}};

std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Error malformed(std::string what) { return Error{Errc::malformed, 0, std::move(what)}; }

}  // namespace

bool Comparison::holds(double value) const {
  switch (op) {
    case Operator::greater:
      return value > threshold;
    case Operator::greater_equal:
      return value >= threshold;
    case Operator::less:
      return value < threshold;
    case Operator::less_equal:
      return value <= threshold;
    case Operator::equal:
      return value == threshold;
    case Operator::not_equal:
      return value != threshold;
  }
  return false;
}

Result<Comparison> parse_comparison(std::string_view text) {
  text = trimmed(text);
  for (auto const& [sign, op] : operators) {
    if (!text.starts_with(sign)) continue;
    auto const number = config::parse_real(trimmed(text.substr(sign.size())));
    if (!number) break;
    return Comparison{op, *number};
  }
  return malformed(fmt::format("\"{}\" is not a comparison with a number", text));
}

std::string to_string(Comparison const& comparison) {
  auto const found = std::find_if(operators.begin(), operators.end(),
                                  [&](auto const& entry) { return entry.second == comparison.op; });
  return fmt::format("{} {}", found->first, comparison.threshold);
}

std::string to_string(Threshold const& threshold) {
  auto text = to_string(threshold.when);
  if (threshold.hold.count() > 0) text += " for " + config::duration_text(threshold.hold);
  if (threshold.clear) text += ", clear " + to_string(*threshold.clear);
  return text;
}

std::optional<Threshold> parse_threshold(std::string_view text) {
  Threshold threshold;
  static constexpr std::string_view clear_word = ", clear ", for_word = " for ";
  if (auto const at = text.find(clear_word); at != std::string_view::npos) {
    auto const clear = parse_comparison(text.substr(at + clear_word.size()));
    if (!clear) return std::nullopt;
    threshold.clear = *clear;
    text = text.substr(0, at);
  }
  if (auto const at = text.find(for_word); at != std::string_view::npos) {
    auto const hold = config::parse_duration(text.substr(at + for_word.size()));
    if (!hold) return std::nullopt;
    threshold.hold = std::chrono::duration_cast<seconds>(*hold);
    text = text.substr(0, at);
  }
  auto const when = parse_comparison(text);
  if (!when) return std::nullopt;
  threshold.when = *when;
  return threshold;
}

Result<Reduction> parse_reduction(std::string_view text) {
  text = trimmed(text);
  for (auto const& [name, kind] : reductions) {
    if (text == name && kind == Reduction::Kind::last) return Reduction{kind, seconds(0)};
    if (!text.starts_with(name)) continue;
    auto const rest = text.substr(name.size());
    if (rest.size() < 3 || rest.front() != '(' || rest.back() != ')') break;
    auto const window = config::parse_duration(trimmed(rest.substr(1, rest.size() - 2)));
    if (!window || *window < seconds(1) || *window > std::chrono::hours(24)) break;
    return Reduction{kind, std::chrono::duration_cast<seconds>(*window)};
  }
  return malformed(fmt::format("\"{}\" is not a reduction", text));
}

Result<std::vector<std::string>> title_names(std::string_view title) {
  std::vector<std::string> names;
  for (auto at = title.find("{{"); at != std::string_view::npos; at = title.find("{{", at)) {
    auto const end = title.find("}}", at);
    if (end == std::string_view::npos) return malformed("{{ without }}");
    names.emplace_back(trimmed(title.substr(at + 2, end - at - 2)));
    at = end + 2;
  }
  return names;
}

std::string render_title(std::string_view title, LabelMap const& values) {
  std::string out;
  for (;;) {
    auto const at = title.find("{{");
    auto const end = at == std::string_view::npos ? at : title.find("}}", at);
    if (end == std::string_view::npos) return out.append(title);
    out.append(title.substr(0, at));
    auto const value = values.find(std::string(trimmed(title.substr(at + 2, end - at - 2))));
    if (value != values.end()) out += value->second;
    title.remove_prefix(end + 2);
  }
}

}  // namespace dadvisor::aggregator::alert
