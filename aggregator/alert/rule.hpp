#pragma once
// An alert rule: a Graphite target, how its series become one value each, and when that value is
// bad. Immutable once loaded; a cheap copy.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/expression.hpp"

namespace dadvisor::aggregator::alert {

using std::chrono::seconds;
using LabelMap = std::map<std::string, std::string>;

// "> 90": one value against a constant.
struct Comparison {
  enum class Operator { greater, greater_equal, less, less_equal, equal, not_equal };
  Operator op = Operator::greater;
  double threshold = 0;

  bool holds(double value) const;
  bool upward() const { return op == Operator::greater || op == Operator::greater_equal; }
  bool downward() const { return op == Operator::less || op == Operator::less_equal; }
};
// Errc::malformed says how to write it.
Result<Comparison> parse_comparison(std::string_view text);
std::string to_string(Comparison const& comparison);  // "> 90"

// One severity: bad when `when` has held for `hold`, good again when `clear` holds (without
// `clear`: as soon as `when` does not).
struct Threshold {
  Comparison when;
  seconds hold{0};  // the key `for`, by the data's own time
  std::optional<Comparison> clear;

  bool cleared(double value) const { return clear ? clear->holds(value) : !when.holds(value); }
};
std::string to_string(Threshold const& threshold);  // "> 90 for 3m, clear < 75"
// The way back: what a notice's condition says.
std::optional<Threshold> parse_threshold(std::string_view text);

// How the values within the window that ends at the tick become one.
struct Reduction {
  enum class Kind { last, average, maximum, minimum, sum };
  Kind kind = Kind::last;
  seconds window{0};  // 0 for last: the newest value alone
};
// "last", "last(10m)" (the newest value, however old within that), "avg(1m)", "max(5m)", "min(..)",
// "sum(..)".
Result<Reduction> parse_reduction(std::string_view text);

struct NoData {
  seconds after{120};
  // false (`state: keep`): an instance without data stays as it is, silently.
  bool notify = true;
};

struct Rule {
  std::string id;     // its identity across edits
  std::string title;  // with {{name}} for labels, value, level, series
  graphite::Expression expr;
  Reduction reduce;
  std::optional<Threshold> crit;
  std::optional<Threshold> warn;
  NoData no_data;
  LabelMap labels;
  std::vector<std::string> notify;  // "owner" or receivers' names
  std::string file;
  int line = 0;
};

// `title` with each {{name}} replaced by values[name], by nothing if it is not there.
std::string render_title(std::string_view title, LabelMap const& values);
// The names between {{ and }}; malformed if a {{ has no }}.
Result<std::vector<std::string>> title_names(std::string_view title);

}  // namespace dadvisor::aggregator::alert
