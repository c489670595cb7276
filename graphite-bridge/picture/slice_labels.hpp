#pragma once
// What is written on the slices of a pie, and where that has room. Pure, any thread.

#include <vector>

#include "graphite-bridge/picture/picture_options.hpp"
#include "graphite-bridge/picture/pie.hpp"

namespace dadvisor::graphite::picture {

// Sets radius and labels of a pie whose middle, area and slices are known: a circle as large as
// its area allows, smaller by what is written outside of it. A label that has no room without
// touching another or the sheet's edge is left out.
void place_labels(Pie& pie, PictureOptions const& options, TextWidth const& measure);

}  // namespace dadvisor::graphite::picture
