#include "aggregator/rollup/roll_up.hpp"

#include <algorithm>
#include <cmath>

#include "aggregator/rollup/row_columns.hpp"
#include "aggregator/rollup/row_sums.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

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

// A rate times its window is the increase that it was made of: without rounding it is a few bits
// off, and whole numbers are stored in a third of the room.
double increase_of(double per_second, double window_seconds) {
  constexpr double all_whole = 4'503'599'627'370'496;  // 2^52: from here on there are no others
  double const value = per_second * window_seconds;
  if (!(std::abs(value) < all_whole)) return value;
  // Truncation is one instruction, std::round() a call.
  auto const whole =
      static_cast<double>(static_cast<std::int64_t>(value + std::copysign(0.5, value)));
  return std::abs(value - whole) <= std::abs(value) * 1e-12 ? whole : value;
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
  Cells cells;
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
      combine(cells[place], scaled ? row->values[i] * factor : row->values[i], column.combining);
    }
  }
  return cells.row(window);
}

}  // namespace dadvisor::aggregator::rollup
