#pragma once
// Folds finest rows of an entity into windows. Rows by tick ascending; one thread at a time.

#include <optional>
#include <span>
#include <vector>

#include "aggregator/rollup/counter_rates.hpp"
#include "aggregator/rollup/window_row.hpp"

namespace dadvisor::aggregator::rollup {

class WindowFolder {
 public:
  // rates: of the entity, over layout.finest(); null for apps and totals.
  WindowFolder(WindowLayout const& layout, Nanoseconds window, Nanoseconds step,
               CounterRates* rates);
  void take(WallTime tick, std::span<Cell const> cells, WindowVisitor const& visit);
  void finish(WindowVisitor const& visit);

 private:
  bool says_nothing(std::span<Cell const> cells) const;
  void take_quotient(std::size_t at, std::span<Cell const> cells);
  std::optional<double> operand(std::size_t finest, std::span<Cell const> cells) const;
  void settle();

  struct Quotient {
    std::size_t at;                   // its column in the layout
    std::size_t top, bottom;          // of the finest columns
    std::size_t top_sum, bottom_sum;  // their sums in the layout
  };
  WindowLayout const& layout_;
  Nanoseconds const window_, step_;
  CounterRates* const rates_;
  std::vector<std::size_t> places_;  // of the finest columns in the layout
  std::vector<Quotient> quotients_;
  WindowRow row_;
};

}  // namespace dadvisor::aggregator::rollup
