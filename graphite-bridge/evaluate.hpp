#pragma once
// Evaluation of a target over a SeriesSource: what /render, an alert rule, a backtest and a chart
// of the console all go through.
//
// What comes out may be empty (nothing matched), but no series in it is without values. Value i
// of a series belongs to start + i * step; `end` is Graphite's and may lie within or behind the
// last step.
// Errors: those of the source; malformed for what only the data can show (asPercent with lists of
// unequal length). Reentrant: as many threads as the source allows.

#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/expression.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

struct EvaluationOptions {
  // Which fraction of values must be known where values are put together; 0: one is enough.
  double x_files_factor = 0;
  TimeZone zone = TimeZone::utc();  // for functions that know days, such as smartSummarize
  RequestState* request = nullptr;  // shared by the targets of a request; none: its own
  // For who puts values together before cut_behind_end().
  bool with_values_behind_end = false;
};

Result<SeriesList> evaluate(Expression const& expression, Window const& window,
                            SeriesSource const& source, EvaluationOptions const& options = {});
// Parses and evaluates once. Errc::malformed when it does not parse.
Result<SeriesList> evaluate(std::string_view target, Window const& window,
                            SeriesSource const& source);

}  // namespace dadvisor::graphite
