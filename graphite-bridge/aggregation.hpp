#pragma once
// Several values into one: graphite-web's aggregation functions (functions/aggfuncs.py, safe.py),
// its consolidation of neighbouring values (render/datalib.py) and the way it brings series of
// different steps together (functions.py: normalize). Pure, any thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

enum class Aggregation {
  average,
  avg_zero,  // absent counts as 0
  median,
  sum,
  min,
  max,
  diff,  // the first minus the others
  stddev,
  count,
  range,
  multiply,  // absent when one is
  last,
};

// The names that a target may use, with the aliases avg, total, current, rangeOf.
std::vector<std::string> const& aggregation_names();
// By name or name + "Series" (sumSeries). Absent when there is no such one.
std::optional<Aggregation> find_aggregation(std::string_view name);
// `name` without "Series" behind it: what Graphite shows in names and tags.
std::string_view short_aggregation_name(std::string_view name);
// The name of a consolidation function, "avg" too. Absent when there is no such one.
std::optional<Consolidation> find_consolidation(std::string_view name);
// The name that find_consolidation() knows it by: "average", "avg_zero".
char const* consolidation_name(Consolidation consolidation);

// One value of many; absent when all are, except count (0) and avg_zero.
double aggregate(Aggregation aggregation, std::span<double const> values);

// Whether `known` of `total` values are enough: at least one, and at least that fraction.
bool enough_known(std::size_t known, std::size_t total, double x_files_factor);

// Each `per_point` neighbours into one, the last group as short as it is; a group with too few
// known values (x_files_factor, of per_point) is absent.
std::vector<double> consolidate(std::vector<double> const& values, std::size_t per_point,
                                Consolidation consolidation, double x_files_factor);

// Series brought to one step, the least common multiple, each by its own consolidation. They are
// joined by index, not by time, as graphite-web does: value i of each belongs to row i, even when
// the series start at different times. Rows end with the longest. Looks into the series where
// their step is that one already: they must outlive it, and it is moved, never copied.
struct Normalized {
  Normalized() = default;
  Normalized(Normalized&&) = default;
  Normalized& operator=(Normalized&&) = default;

  double at(std::size_t column, std::size_t row) const {
    return row < columns[column].size() ? columns[column][row] : absent;
  }

  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t step = 1;
  std::vector<std::span<double const>> columns;  // one a series, in their order
  std::size_t rows = 0;
  bool whole = false;                             // whether all of them are, as Series has it
  std::vector<std::vector<double>> consolidated;  // what columns of other steps look into
};
Normalized normalize(std::vector<Series const*> const& series);
Normalized normalize(std::vector<Series> const& series);
Normalized normalize(std::vector<Series>&& series) = delete;  // it would look into what is gone

// Rows of many columns as one value each, column by column, so that none need be kept. Adds in the
// order in which Python does.
class ColumnFold {
 public:
  // Sum, average, min and max.
  static bool can(Aggregation aggregation);
  ColumnFold(Aggregation aggregation, std::size_t rows);
  void add(std::span<double const> column);  // not longer than there are rows
  // Absent where too few columns are known.
  std::vector<double> finish(double x_files_factor);

 private:
  Aggregation const aggregation_;
  std::size_t columns_ = 0;
  std::vector<double> values_;
  std::vector<std::uint32_t> known_;  // of each row, but for those of
  std::size_t whole_columns_ = 0;     // columns that all rows know, of sums
};

// Each row of `series` as one value; absent where too few are known.
std::vector<double> aggregate_rows(Normalized const& series, Aggregation aggregation,
                                   double x_files_factor);

// "a.*,b.c": the path expressions of `series`, each once, in order.
std::string joined_path_expressions(std::vector<Series> const& series);

}  // namespace dadvisor::graphite
