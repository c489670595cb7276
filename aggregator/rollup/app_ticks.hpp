#pragma once
// The rows of one app at some ticks, made of its instances' raw rows, which are taken one instance
// after another, by host and key. The same rows as roll_up_app() makes of windows; what is kept is
// per tick and host, and of ranked metrics a value per instance. Not thread-safe.

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/rollup/deliveries.hpp"
#include "aggregator/rollup/ranked_figures.hpp"
#include "aggregator/rollup/roll_up.hpp"
#include "aggregator/rollup/row_sums.hpp"

namespace dadvisor::aggregator::rollup {

class AppTicks {
 public:
  // `ticks` ascend and must outlive it; `hosts`: that have instances, with their steps.
  AppTicks(std::span<WallTime const> ticks, std::span<Deliveries* const> hosts);

  // The rows of an instance of that host. places: of each row the place of its tick.
  void take(Deliveries* host, std::span<store::TickNs const> ticks, FigureColumns const& columns,
            std::span<std::uint32_t const> places);
  // When all are taken: the row at the tick of that place; nothing when no instance is known or
  // when the tick is no multiple of the hosts' longest step.
  std::optional<RollupRow> row(std::size_t place);
  RankedFigures const& ranked(std::size_t place) const { return ranked_[place]; }

 private:
  // Of the instances of one host.
  struct Count {
    store::TickNs tick;
    std::uint32_t rows, up;  // up: those that count as alive
  };
  using Counts = std::vector<Count>;  // by tick ascending

  std::span<WallTime const> const ticks_;
  std::vector<RowSums> sums_;  // one for each step that hosts have
  std::vector<RankedFigures> ranked_;
  std::map<Deliveries*, Counts> hosts_;
  Counts joined_;  // scratch
};

}  // namespace dadvisor::aggregator::rollup
