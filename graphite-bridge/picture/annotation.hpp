#pragma once
// What is written into the plot beside the curves: thresholds, shaded spans, marks of events, last
// values. Added to a layout whose plot and scales stand. Pure, any thread.

#include "graphite-bridge/picture/layout.hpp"

namespace dadvisor::graphite::picture {

inline constexpr std::size_t most_last_values = 5;

// The texts of label_last, one a curve that has one, for whoever reserves room right of the plot:
// of the curves with the greatest last values, if there are too many.
struct LastValue {
  std::size_t curve = 0;
  std::string text;
};
std::vector<LastValue> last_values(std::vector<Curve> const& curves, PictureOptions const& options);

void annotate(Layout& layout, PictureOptions const& options, TextWidth const& measure);

}  // namespace dadvisor::graphite::picture
