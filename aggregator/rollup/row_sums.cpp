#include "aggregator/rollup/row_sums.hpp"

#include <algorithm>
#include <cmath>

#include "aggregator/rollup/row_columns.hpp"

namespace dadvisor::aggregator::rollup {

RowSums::RowSums(std::size_t ticks, Nanoseconds window)
    : ticks_(ticks),
      window_(window),
      figures_(figure_metrics().size() * ticks),
      ratios_(row_columns().ratios().size() * ticks) {}

void RowSums::Figure::take(double value) {
  min = count == 0 ? value : std::min(min, value);
  max = count == 0 ? value : std::max(max, value);
  sum += value;
  last = value;
  ++count;
}

// Gauges as shown, counters as shown rates, so that a quotient needs no window.
void RowSums::Ratio::take(RowColumns::Ratio const& of, double top, double bottom) {
  if (std::isnan(top) || std::isnan(bottom)) return;
  above += shown(*figure_metrics()[of.top], top);
  below += shown(*figure_metrics()[of.bottom], bottom);
  any = true;
}

void RowSums::take(Figures const& figures) {
  if (figures.empty()) return;
  double const seconds = std::chrono::duration<double>(window_).count();
  auto const& is_counter = row_columns().counters();
  for (std::size_t i = 0; i < figures.size(); ++i) {
    if (std::isnan(figures[i])) continue;
    figures_[i * ticks_].take(is_counter[i] != 0 ? increase_of(figures[i], seconds) : figures[i]);
  }
  auto const& ratios = row_columns().ratios();
  for (std::size_t i = 0; i < ratios.size(); ++i)
    ratios_[i * ticks_].take(ratios[i], figures[ratios[i].top], figures[ratios[i].bottom]);
}

void RowSums::take(FigureColumns const& columns, std::span<std::uint32_t const> places) {
  double const seconds = std::chrono::duration<double>(window_).count();
  auto const& is_counter = row_columns().counters();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Figure* const its = figures_.data() + i * ticks_;
    auto const column = columns[i];
    for (std::size_t row = 0; row < column.size(); ++row) {
      if (places[row] == no_place || std::isnan(column[row])) continue;
      its[places[row]].take(is_counter[i] != 0 ? increase_of(column[row], seconds) : column[row]);
    }
  }
  auto const& ratios = row_columns().ratios();
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    auto const tops = columns[ratios[i].top], bottoms = columns[ratios[i].bottom];
    if (tops.empty() || bottoms.empty()) continue;
    for (std::size_t row = 0; row < places.size(); ++row)
      if (places[row] != no_place)
        ratios_[i * ticks_ + places[row]].take(ratios[i], tops[row], bottoms[row]);
  }
}

RollupRow RowSums::row(std::size_t tick, double expected, RankedFigures& ranked) const {
  Cells cells;
  auto const metrics = figure_metrics();
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    Figure const& its = figures_[i * ticks_ + tick];
    if (its.count == 0) continue;
    auto const& places = row_columns().of_figure(i);
    auto const set = [&](RollupPart part, double value) {
      cells[places[static_cast<std::size_t>(part)]] = value;
    };
    if (metrics[i]->rollup == MetricRollup::add) {
      set(RollupPart::sum, its.sum);
      set(RollupPart::min, its.min);
      set(RollupPart::max, its.max);
      set(RollupPart::count, its.count);
    } else {
      set(RollupPart::all, metrics[i]->rollup == MetricRollup::max ? its.max : its.last);
    }
  }
  auto const& ratios = row_columns().ratios();
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    Ratio const& its = ratios_[i * ticks_ + tick];
    if (!its.any) continue;
    cells[ratios[i].places[static_cast<std::size_t>(RollupPart::numerator)]] = its.above;
    cells[ratios[i].places[static_cast<std::size_t>(RollupPart::denominator)]] = its.below;
  }
  cells[row_columns().expected()] = expected;
  RollupRow row = cells.row(window_);
  ranked.put_into(row);
  return row;
}

}  // namespace dadvisor::aggregator::rollup
