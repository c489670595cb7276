#pragma once
// A text and a rectangle with their places, the bricks of a layout. Plain values.

#include <optional>
#include <string>

#include "graphite-bridge/picture/color.hpp"
#include "graphite-bridge/picture/text.hpp"

namespace dadvisor::graphite::picture {

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
  bool operator==(Box const&) const = default;
};

struct PlacedText {
  std::string text;
  double x = 0;
  double baseline = 0;
  Align align = Align::left;
  std::optional<Color> color;  // absent: the usual one of its kind
};

}  // namespace dadvisor::graphite::picture
