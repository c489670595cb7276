#pragma once
// Puts a layout on a canvas. Decides nothing about places, only about ink.

#include "graphite-bridge/picture/canvas.hpp"
#include "graphite-bridge/picture/layout.hpp"
#include "graphite-bridge/picture/picture_options.hpp"

namespace dadvisor::graphite::picture {

// Leaves off where the budget ends, if there is one.
void paint(Canvas& canvas, Layout const& layout, PictureOptions const& options,
           QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite::picture
