#pragma once
// Folds finest rows of an entity into windows, column by column. One thread at a time.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/rollup/counter_rates.hpp"
#include "aggregator/rollup/window_row.hpp"
#include "aggregator/store/selected_rows.hpp"

namespace dadvisor::aggregator::rollup {

class WindowFolder {
 public:
  using Ticks = std::span<store::TickNs const>;            // ascending
  using Columns = std::span<store::SelectedColumn const>;  // those of layout.finest()

  // rates: of the entity's counters; null for apps, totals and foreign ones. `step`: of the rows,
  // where they do not say it themselves.
  WindowFolder(WindowLayout const& layout, Nanoseconds window, Nanoseconds step,
               CounterRates* rates);
  // What the counters said last in rows that are of no window: as many as there are ticks.
  void take_before(Ticks ticks, Columns columns);
  // The rows from `first` on; all of one window must come in one call. Visits windows by begin
  // ascending.
  void fold(Ticks ticks, Columns columns, std::size_t first, WindowVisitor const& visit);

 private:
  struct Quotient {
    std::size_t at;                   // its column in the layout
    std::size_t top, bottom;          // of the finest columns
    std::size_t top_sum, bottom_sum;  // their sums in the layout
  };
  // Some windows on their way.
  struct Part {
    Ticks ticks;
    Columns columns;
    std::size_t first = 0;  // row
  };
  static constexpr std::size_t most_windows = 16;  // at once: they stay in the processor's cache

  void find_silent(Ticks ticks, Columns columns);
  std::size_t begin_windows(Part const& part);
  Nanoseconds step_of(Part const& part, std::size_t row) const;
  double* begin_operand(Part const& part, std::size_t finest);
  void fold_counter(Part const& part, std::size_t finest);
  void fold_gauge(Part const& part, std::size_t finest);
  void fold_rolled_up(Part const& part, std::size_t finest);
  void fold_quotient(Part const& part, Quotient const& quotient);
  void settle(WindowRow& row) const;
  bool is_silent(std::size_t row) const { return !silent_.empty() && silent_[row] != 0; }

  WindowLayout const& layout_;
  Nanoseconds const window_, step_;
  CounterRates* const rates_;
  bool says_step_ = false;           // the last of the columns is the rows' own step
  std::vector<std::size_t> places_;  // of the finest columns in the layout
  std::vector<Quotient> quotients_;
  std::vector<std::optional<Reading>> last_;  // of each finest column that is a counter
  std::vector<std::uint8_t> silent_;  // 1 for each row that says nothing; empty: none is one
  std::vector<std::size_t> ends_;     // behind the rows of each window of the part
  std::vector<WindowRow> rows_;       // of the part
  std::vector<std::vector<double>> operands_;  // of finest columns that quotients need, as shown
};

}  // namespace dadvisor::aggregator::rollup
