#pragma once
// A row of a coarser tier: what the finer rows of a window held, column by column, as least,
// greatest, sum, number and last of their values; so that whatever way a query puts neighbouring
// values together, it finds what the finest rows would have given. Pure values, any thread.

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "aggregator/rollup/window_layout.hpp"

namespace dadvisor::aggregator::rollup {

struct WindowFigure {
  double min = 0, max = 0, sum = 0, last = 0, count = 0;  // count 0: nothing is known

  // Here, as it is done for each finest value.
  void take(double value) {
    min = count > 0 ? std::min(min, value) : value;
    max = count > 0 ? std::max(max, value) : value;
    sum = count > 0 ? sum + value : value;
    last = value;
    ++count;
  }
  void take(WindowFigure const& later);
  bool operator==(WindowFigure const&) const = default;
};

struct WindowRow {
  WallTime window{};   // its begin
  Nanoseconds step{};  // of the finest rows that it is made of; the newest's
  double ticks = 0;    // how many those are
  // One per column of the layout; readings and increases of counters alone.
  std::vector<WindowFigure> figures;
  std::vector<Cell> readings;
  std::vector<double> increases;

  bool operator==(WindowRow const&) const = default;
};
using WindowVisitor = std::function<void(WindowRow const&)>;

// Makes it a row of the layout that knows nothing; its memory is used again.
void clear_window(WindowLayout const& layout, WindowRow& row);
// Whether a column's figures are per step of the rows.
bool is_per_step(WindowColumn const& column);
// A figure per step of the rows becomes one of another step; as it is where `from` is not known.
void rescale_figure(WindowFigure& figure, Nanoseconds from, Nanoseconds to);
// All of a row's.
void rescale_window(WindowLayout const& layout, WindowRow& row, Nanoseconds step);
// What its figures are once all of the window is in them; the same whether they come from finer
// rows or out of a file, to the last bit.
void settle_window(WindowLayout const& layout, WindowRow& row);

// The shown value of a figure per second of a counter, in its unit of a gauge: what a row's
// figure, or a part of it, says.
double shown_figure(WindowColumn const& column, WindowRow const& row, double value);
// What a percentage is made of: the sums of shown numerators and denominators over those ticks that
// had both. `at`: the quotient's column.
std::optional<std::pair<double, double>> quotient_sums(WindowLayout const& layout,
                                                       WindowRow const& row, std::size_t at);

}  // namespace dadvisor::aggregator::rollup
