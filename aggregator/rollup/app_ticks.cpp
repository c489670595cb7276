#include "aggregator/rollup/app_ticks.hpp"

#include <algorithm>

namespace dadvisor::aggregator::rollup {

AppTicks::AppTicks(std::span<WallTime const> ticks, std::span<Deliveries* const> hosts)
    : ticks_(ticks), ranked_(ticks.size()) {
  for (Deliveries* const host : hosts) {
    hosts_.try_emplace(host);
    bool const known = std::ranges::any_of(
        sums_, [&](RowSums const& sums) { return sums.window() == host->step(); });
    if (!known) sums_.emplace_back(ticks.size(), host->step());
  }
}

void AppTicks::take(Deliveries* host, std::span<store::TickNs const> ticks,
                    FigureColumns const& columns, std::span<std::uint32_t const> places) {
  // Which step a row has is known when all hosts are; nearly always they have the same.
  for (RowSums& sums : sums_) sums.take(columns, places);
  RankedFigures::take(columns, places, ranked_);
  static std::size_t const state_up = *figure_index(metric::state_up);
  auto const up = columns[state_up];
  auto& counts = hosts_.at(host);
  joined_.clear();
  joined_.reserve(std::max(counts.size(), ticks.size()));
  auto before = counts.begin();
  for (std::size_t row = 0; row < ticks.size(); ++row) {
    for (; before != counts.end() && before->tick < ticks[row]; ++before)
      joined_.push_back(*before);
    Count its{ticks[row], 1, up.empty() || up[row] != 0 ? 1U : 0U};
    if (before != counts.end() && before->tick == its.tick) {
      its.rows += before->rows;
      its.up += before->up;
      ++before;
    }
    joined_.push_back(its);
  }
  joined_.insert(joined_.end(), before, counts.end());
  std::swap(counts, joined_);
}

std::optional<RollupRow> AppTicks::row(std::size_t place) {
  std::optional<Nanoseconds> step;
  std::uint64_t expected = 0, rows = 0;
  for (auto const& [host, counts] : hosts_) {
    WallTime const from = host->expected_from(ticks_)[place];
    if (from == WallTime::min()) continue;
    step = std::max(step.value_or(host->step()), host->step());
    auto const found = std::ranges::lower_bound(counts, store::tick_ns(from), {}, &Count::tick);
    if (found == counts.end() || found->tick != store::tick_ns(from)) continue;
    rows += found->rows;
    expected += found->up;
  }
  if (!step || *step <= Nanoseconds::zero() || rows == 0 ||
      ticks_[place] != tick_of(ticks_[place], *step))
    return std::nullopt;
  auto const sums = std::ranges::find(sums_, *step, &RowSums::window);
  return sums->row(place, static_cast<double>(expected), ranked_[place]);
}

}  // namespace dadvisor::aggregator::rollup
