#pragma once
// Puts a pie on a canvas. Decides nothing about places, only about ink.

#include "graphite-bridge/picture/canvas.hpp"
#include "graphite-bridge/picture/picture_options.hpp"
#include "graphite-bridge/picture/pie.hpp"

namespace dadvisor::graphite::picture {

void paint(Canvas& canvas, Pie const& pie, PictureOptions const& options);

}  // namespace dadvisor::graphite::picture
