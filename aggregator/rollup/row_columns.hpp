#pragma once
// Every column that a row of roll_up() may have, and a row in the making. Inside of this folder.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "aggregator/rollup/figures.hpp"
#include "aggregator/rollup/roll_up.hpp"
#include "common/core/metric/column.hpp"

namespace dadvisor::aggregator::rollup {

// How the values of one column of several rows become one.
enum class Combining : std::uint8_t { add, least, greatest, last, never };

struct Column {
  MetricId id = 0;
  Combining combining = Combining::never;
  bool increase = false;  // within the row's window
};

// Which they are, and for each figure where its parts stand among them. Constant.
class RowColumns {
 public:
  RowColumns();

  using Places = std::array<std::uint16_t, 8>;  // by RollupPart
  struct Ratio {
    Metric const* metric;
    std::size_t top, bottom;  // of figure_metrics()
    Places places;
  };
  std::vector<MetricId> const& ids() const { return ids_; }  // ascending
  Column const& operator[](std::size_t place) const { return columns_[place]; }
  Places const& of_figure(std::size_t index) const { return figures_[index]; }
  // Of each figure all bits where it is a counter's, else none.
  std::vector<std::int64_t> const& counters() const { return counters_; }
  std::vector<Ratio> const& ratios() const { return ratios_; }
  std::size_t expected() const { return expected_; }

 private:
  void add(Metric const& metric, RollupPart part);
  std::size_t place(MetricId column) const;
  Places places_of(MetricId metric) const;

  std::vector<Column> columns_;  // by id ascending
  std::vector<MetricId> ids_;
  std::vector<Places> figures_;
  std::vector<std::int64_t> counters_;
  std::vector<Ratio> ratios_;
  std::size_t expected_ = 0;
};
RowColumns const& row_columns();

// A row in the making: a value per column, NaN where there is none.
class RowDraft {
 public:
  RowDraft() : values_(row_columns().ids().size(), std::numeric_limits<double>::quiet_NaN()) {}

  double& operator[](std::size_t place) { return values_[place]; }
  RollupRow row(Nanoseconds window) const;

 private:
  std::vector<double> values_;
};

}  // namespace dadvisor::aggregator::rollup
