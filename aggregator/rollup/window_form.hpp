#pragma once
// How windows stand in a tier's file (store/FORMAT.md, Tiers). What follows from the rest is left
// out: min, max and sum of a figure whose values were all the same, a number that is that of the
// row's ticks. Pure functions, any thread.

#include <span>

#include "aggregator/rollup/window_row.hpp"
#include "aggregator/store/rows.hpp"

namespace dadvisor::aggregator::rollup {

void append_window(WindowLayout const& layout, WindowRow const& row, store::Rows& rows);
WindowRow read_window(WindowLayout const& layout, WallTime window, std::span<Cell const> cells);

}  // namespace dadvisor::aggregator::rollup
