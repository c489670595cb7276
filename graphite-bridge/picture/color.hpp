#pragma once
// A colour of a picture, and the ways that a query may name one. Pure values, any thread.

#include <optional>
#include <string_view>

namespace dadvisor::graphite::picture {

struct Color {  // each 0 .. 1, not premultiplied
  double red = 0, green = 0, blue = 0, alpha = 1;
  bool operator==(Color const&) const = default;

  Color with_alpha(double value) const { return {red, green, blue, value}; }
  // The colour that this one at `share` (0 .. 1) over `other` looks like.
  Color over(Color const& other, double share) const;
};

// 0xRRGGBB.
Color rgb(unsigned value);
// graphite-web's names ("rose", "darkgrey"), RRGGBB or RRGGBBAA, also behind # or a doubly encoded
// %23. Absent when it is none of them.
std::optional<Color> parse_color(std::string_view text);

}  // namespace dadvisor::graphite::picture
