#include "graphite-bridge/whole_numbers.hpp"

#include <algorithm>
#include <array>

namespace dadvisor::graphite {

using std::size_t;

bool makes_whole(Aggregation aggregation, bool of_whole, size_t known) {
  switch (aggregation) {
    case Aggregation::count:
      return true;
    case Aggregation::median:  // of two in the middle it is their mean
      return of_whole && known % 2 == 1;
    case Aggregation::sum:
    case Aggregation::min:
    case Aggregation::max:
    case Aggregation::diff:
    case Aggregation::last:
      return of_whole;
    case Aggregation::average:
    case Aggregation::avg_zero:
    case Aggregation::stddev:
    case Aggregation::range:     // of float(max) and float(min)
    case Aggregation::multiply:  // of floats too
      break;
  }
  return false;
}

bool makes_whole(Aggregation aggregation, Series const& series) {
  if (!series.whole) return makes_whole(aggregation, false, 0);
  auto const absent_ones = std::ranges::count_if(series.values, is_absent);
  return makes_whole(aggregation, true, series.values.size() - static_cast<size_t>(absent_ones));
}

bool makes_whole_rows(Normalized const& rows, Aggregation aggregation) {
  if (aggregation != Aggregation::median || !rows.whole)
    return makes_whole(aggregation, rows.whole, 0);
  for (size_t row = 0; row < rows.rows; ++row) {
    size_t known = 0;
    for (size_t column = 0; column < rows.columns.size(); ++column)
      known += is_absent(rows.at(column, row)) ? 0 : 1;
    if (known > 0 && !makes_whole(aggregation, true, known)) return false;
  }
  return true;
}

bool keeps_whole(Consolidation consolidation) {
  return consolidation != Consolidation::average && consolidation != Consolidation::avg_zero;
}

bool tells_whole(Function const& function) {
  static constexpr std::array groups{"Alias", "Combine", "Filter Data", "Filter Series",
                                     "Graph", "Sorting", "Special"};
  static constexpr std::array others{
      // Calculate
      "aggregateLine", "exponentialMovingAverage", "holtWintersAberration", "identity",
      "movingAverage", "movingMax", "movingMedian", "movingMin", "movingSum", "movingWindow",
      "nPercentile",
      // Transform
      "absolute", "delay", "derivative", "hitcount", "interpolate", "isNonNull", "keepLastValue",
      "nonNegativeDerivative", "offsetToZero", "round", "smartSummarize", "summarize", "timeShift",
      "timeSlice", "timeStack", "transformNull"};
  return std::ranges::find(groups, function.group) != groups.end() ||
         std::ranges::find(others, function.name) != others.end();
}

}  // namespace dadvisor::graphite
