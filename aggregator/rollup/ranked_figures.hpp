#pragma once
// The figures of ranked metrics over the instances of one tick, of an app or of a whole cluster,
// and the order statistics that a rollup row has of them. A percentage is each instance's own; a
// counter counts as its increase within the row's window. Not thread-safe.

#include <span>
#include <vector>

#include "aggregator/rollup/figures.hpp"
#include "common/core/metric/column.hpp"

namespace dadvisor::aggregator::rollup {

struct RollupRow;

// What of an instance's row take() looks at: the ranked metrics and what percentages are made of.
Schema const& ranked_schema();

class RankedFigures {
 public:
  RankedFigures();

  // That about so many instances follow.
  void expect(std::size_t instances);
  void take(Figures const& instance);
  // Of an instance's rows each at the place of its tick, as RowSums::take() has them.
  static void take(FigureColumns const& columns, std::span<std::uint32_t const> places,
                   std::span<RankedFigures> by_tick);
  // What another one took.
  void take(RankedFigures const& more);
  // Puts p50, p95 and p99 into a row that has none; nothing of a metric that no instance has.
  void put_into(RollupRow& row);

 private:
  std::vector<std::vector<double>> values_;  // per ranked metric, in the order of their ids
};

}  // namespace dadvisor::aggregator::rollup
