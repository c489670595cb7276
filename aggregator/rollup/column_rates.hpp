#pragma once
// The rates of one counter of one entity, of many rows at once.

#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "aggregator/store/selected_rows.hpp"
#include "common/core/metric/rate.hpp"

namespace dadvisor::aggregator::rollup {

// rates[i]: of the step from values[i - 1] to values[i], each within `seconds`; of the first value
// none. False: one of them is not that plain (a counter fell, or rose by 2^51 and more), and the
// rates are undefined.
bool plain_rates(std::span<std::int64_t const> values, double seconds, std::span<double> rates);

// Per second, in the stored unit, NaN where there is none. ticks: of the rows, ascending; `rates`:
// as many. first(tick): the reading that stands in for the one before the first, which is at
// `tick`.
template <typename First>
void column_rates(store::SelectedTicks const& ticks, store::SelectedColumn const& column,
                  Nanoseconds step, First const& first, std::span<double> rates) {
  auto const rate = [step](std::optional<Reading> const& before, Reading const& now) {
    auto const made = before ? counter_step(*before, now, step) : std::nullopt;
    return made && made->per_second ? *made->per_second : std::numeric_limits<double>::quiet_NaN();
  };
  auto const reading = [&](std::size_t row) {
    return Reading{store::from_tick_ns(ticks[row]), column.values[row]};
  };
  if (!column.has.empty()) {
    std::optional<Reading> last;
    for (std::size_t row = 0; row < ticks.size(); ++row) {
      rates[row] = std::numeric_limits<double>::quiet_NaN();
      if (column.has[row] == 0) continue;
      Reading const now = reading(row);
      rates[row] = rate(last ? last : first(now.tick), now);
      last = now;
    }
    return;
  }
  if (ticks.empty()) return;
  rates[0] = rate(first(store::from_tick_ns(ticks[0])), reading(0));
  // One step after the other, as nearly always, needs no more than this of counter_step().
  std::int64_t const* const values = column.values.data();
  double const seconds = std::chrono::duration<double>(step).count();
  if (ticks.step() == step.count() && seconds > 0 && plain_rates(column.values, seconds, rates))
    return;
  for (std::size_t row = 1; row < ticks.size(); ++row) {
    bool const plain = ticks[row] - ticks[row - 1] == step.count() && values[row - 1] >= 0 &&
                       values[row] >= values[row - 1] && seconds > 0;
    rates[row] = plain ? static_cast<double>(values[row] - values[row - 1]) / seconds
                       : rate(reading(row - 1), reading(row));
  }
}

}  // namespace dadvisor::aggregator::rollup
