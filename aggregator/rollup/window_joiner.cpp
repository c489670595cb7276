#include "aggregator/rollup/window_joiner.hpp"

namespace dadvisor::aggregator::rollup {

void WindowJoiner::take(WindowRow const& row, WindowVisitor const& visit) {
  WallTime const window = tick_of(row.window, window_);
  if (row_.ticks > 0 && row_.window != window) finish(visit);
  if (row_.ticks == 0) clear_window(layout_, row_);
  if (row_.ticks > 0) rescale_window(layout_, row_, row.step);
  row_.window = window;
  row_.step = row.step;
  row_.ticks += row.ticks;
  for (std::size_t i = 0; i < row_.figures.size(); ++i) {
    if (layout_.columns()[i].keeping == Keeping::order) continue;
    row_.figures[i].take(row.figures[i]);
    if (row.readings[i]) row_.readings[i] = row.readings[i];
    row_.increases[i] += row.increases[i];
  }
}

void WindowJoiner::finish(WindowVisitor const& visit) {
  if (row_.ticks == 0) return;
  settle_window(layout_, row_);
  visit(row_);
  clear_window(layout_, row_);
}

}  // namespace dadvisor::aggregator::rollup
