#pragma once
// What the instances of one app say at some ticks, added up figure by figure: what is kept is per
// tick, however many they are. The order in which instances are taken decides how doubles round and
// which value is `last`. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "aggregator/rollup/figures.hpp"
#include "aggregator/rollup/ranked_figures.hpp"
#include "aggregator/rollup/roll_up.hpp"
#include "aggregator/rollup/row_columns.hpp"

namespace dadvisor::aggregator::rollup {

class RowSums {
 public:
  // At so many ticks, of rows with this window.
  RowSums(std::size_t ticks, Nanoseconds window);

  Nanoseconds window() const { return window_; }
  // An instance, where it is of one tick alone. Empty: nothing is known of it.
  void take(Figures const& figures);
  // An instance at all of them. columns: by the place of the figure, a value a row, NaN where there
  // is none; empty: it has none. places: of each row the tick, no_place for one that does not
  // count.
  void take(FigureColumns const& columns, std::span<std::uint32_t const> places);
  // The row of a tick: of what was taken, and of what is `ranked` there.
  RollupRow row(std::size_t tick, double expected, RankedFigures& ranked) const;

 private:
  void take(std::size_t at, double value);

  // Over the instances that have both.
  struct Ratio {
    double above = 0, below = 0;
    bool any = false;
    void take(RowColumns::Ratio const& of, double top, double bottom);
  };

  std::size_t const ticks_;
  Nanoseconds const window_;
  // Of each figure, those of its ticks side by side.
  std::vector<double> sums_, counts_, last_, least_, greatest_;
  std::vector<Ratio> ratios_;  // the same
};

}  // namespace dadvisor::aggregator::rollup
