#include "aggregator/rollup/roll_up.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "aggregator/rollup/row_columns.hpp"
#include "aggregator/rollup/row_sums.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

constexpr double whole_offset = 6'755'399'441'055'744;
constexpr double most_rounded = 2'251'799'813'685'248;  // 2^51
constexpr double whole_slack = 1e-12;

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void combine(double& into, double value, Combining how) {
  if (std::isnan(into)) {
    into = value;
    return;
  }
  switch (how) {
    case Combining::add:
      into += value;
      return;
    case Combining::least:
      into = std::min(into, value);
      return;
    case Combining::greatest:
      into = std::max(into, value);
      return;
    case Combining::last:
      into = value;
      return;
    case Combining::never:
      return;
  }
}

}  // namespace

// Adding 2^52 + 2^51 and taking it away rounds what is less than 2^51 to a whole number.
double increase_of(double per_second, double window_seconds) {
  double const value = per_second * window_seconds;
  double const whole = value + whole_offset - whole_offset;
  bool const close = std::abs(value - whole) <= std::abs(value) * whole_slack;
  return std::abs(value) < most_rounded && close ? whole : value;
}

TwoDoubles increase_of(TwoDoubles per_second, double window_seconds) {
  TwoDoubles const value = per_second * window_seconds;
  TwoDoubles const whole = value + whole_offset - whole_offset;
  auto const size = [](TwoDoubles two) {
    return std::bit_cast<TwoDoubles>(std::bit_cast<TwoWords>(two) & ~std::uint64_t{0} >> 1);
  };
  auto const close = size(value - whole) <= size(value) * whole_slack;
  return (size(value) < most_rounded) & close ? whole : value;
}

std::optional<double> RollupRow::value(MetricId column) const {
  auto const found = std::ranges::lower_bound(columns, column);
  if (found == columns.end() || *found != column) return std::nullopt;
  return values[static_cast<std::size_t>(found - columns.begin())];
}

std::span<MetricId const> rollup_columns() { return row_columns().ids(); }

RollupRow roll_up(std::span<Figures const* const> instances, double expected, Nanoseconds window) {
  RowSums sums(1, window);
  RankedFigures ranked;
  ranked.expect(instances.size());
  for (Figures const* figures : instances) {
    sums.take(*figures);
    ranked.take(*figures);
  }
  return sums.row(0, expected, ranked);
}

RollupRow merge(std::span<RollupRow const* const> rows, Nanoseconds window) {
  RowColumns const& all = row_columns();
  auto const& ids = all.ids();
  RowDraft draft;
  for (RollupRow const* row : rows) {
    bool const rescale = row->window != window && row->window > Nanoseconds::zero();
    double const factor = rescale ? seconds(window) / seconds(row->window) : 1;
    std::size_t place = 0;  // both are ascending
    for (std::size_t i = 0; i < row->columns.size(); ++i) {
      while (place < ids.size() && ids[place] < row->columns[i]) ++place;
      if (place == ids.size() || ids[place] != row->columns[i]) continue;
      Column const& column = all[place];
      if (column.combining == Combining::never) continue;
      bool const scaled = rescale && column.increase;
      combine(draft[place], scaled ? row->values[i] * factor : row->values[i], column.combining);
    }
  }
  return draft.row(window);
}

}  // namespace dadvisor::aggregator::rollup
