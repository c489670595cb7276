#include "aggregator/rollup/row_sums.hpp"

#include <algorithm>
#include <cmath>

#include "aggregator/rollup/row_columns.hpp"

namespace dadvisor::aggregator::rollup {

RowSums::RowSums(std::size_t ticks, Nanoseconds window)
    : ticks_(ticks),
      window_(window),
      sums_(figure_metrics().size() * ticks),
      counts_(sums_.size()),
      last_(sums_.size()),
      least_(sums_.size(), std::numeric_limits<double>::infinity()),
      greatest_(sums_.size(), -std::numeric_limits<double>::infinity()),
      ratios_(row_columns().ratios().size() * ticks) {}

void RowSums::take(std::size_t at, double value) {
  sums_[at] += value;
  ++counts_[at];
  last_[at] = value;
  least_[at] = std::min(least_[at], value);
  greatest_[at] = std::max(greatest_[at], value);
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
  // Figures that there are not change nothing, by what is done for those that there are.
  std::size_t i = 0;
  for (; i + 1 < figures.size(); i += 2) {
    auto const figure = two_at<TwoDoubles>(&figures[i]);
    auto const counter = two_at<TwoIntegers>(&is_counter[i]);
    TwoDoubles const value = counter ? increase_of(figure, seconds) : figure;
    auto const there = value == value;
    auto const change = [&](std::vector<double>& all, auto const& what) {
      put_two(what(two_at<TwoDoubles>(&all[i])), &all[i]);
    };
    TwoDoubles const none{}, one{1, 1};
    change(sums_, [&](TwoDoubles sum) { return sum + (there ? value : none); });
    change(counts_, [&](TwoDoubles count) { return count + (there ? one : none); });
    change(last_, [&](TwoDoubles last) { return there ? value : last; });
    change(least_, [&](TwoDoubles least) { return value < least ? value : least; });
    change(greatest_, [&](TwoDoubles greatest) { return value > greatest ? value : greatest; });
  }
  for (; i < figures.size(); ++i)
    if (!std::isnan(figures[i]))
      take(i, is_counter[i] != 0 ? increase_of(figures[i], seconds) : figures[i]);
  auto const& ratios = row_columns().ratios();
  for (std::size_t ratio = 0; ratio < ratios.size(); ++ratio)
    ratios_[ratio].take(ratios[ratio], figures[ratios[ratio].top], figures[ratios[ratio].bottom]);
}

void RowSums::take(FigureColumns const& columns, std::span<std::uint32_t const> places) {
  double const seconds = std::chrono::duration<double>(window_).count();
  auto const& is_counter = row_columns().counters();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto const column = columns[i];
    for (std::size_t row = 0; row < column.size(); ++row) {
      if (places[row] == no_place || std::isnan(column[row])) continue;
      take(i * ticks_ + places[row],
           is_counter[i] != 0 ? increase_of(column[row], seconds) : column[row]);
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
  RowDraft draft;
  auto const metrics = figure_metrics();
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    std::size_t const at = i * ticks_ + tick;
    if (counts_[at] == 0) continue;
    auto const& places = row_columns().of_figure(i);
    auto const set = [&](RollupPart part, double value) {
      draft[places[static_cast<std::size_t>(part)]] = value;
    };
    if (metrics[i]->rollup == MetricRollup::add) {
      set(RollupPart::sum, sums_[at]);
      set(RollupPart::min, least_[at]);
      set(RollupPart::max, greatest_[at]);
      set(RollupPart::count, counts_[at]);
    } else {
      set(RollupPart::all, metrics[i]->rollup == MetricRollup::max ? greatest_[at] : last_[at]);
    }
  }
  auto const& ratios = row_columns().ratios();
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    Ratio const& its = ratios_[i * ticks_ + tick];
    if (!its.any) continue;
    draft[ratios[i].places[static_cast<std::size_t>(RollupPart::numerator)]] = its.above;
    draft[ratios[i].places[static_cast<std::size_t>(RollupPart::denominator)]] = its.below;
  }
  draft[row_columns().expected()] = expected;
  RollupRow row = draft.row(window_);
  ranked.put_into(row);
  return row;
}

}  // namespace dadvisor::aggregator::rollup
