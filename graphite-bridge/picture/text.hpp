#pragma once
// Text of a picture before it is painted: how wide it is, how it is made to fit. What measures is
// handed in, so that a layout can be made (and tested) without cairo.

#include <functional>
#include <string>
#include <string_view>

namespace dadvisor::graphite::picture {

struct Font {
  std::string name = "DejaVu Sans";
  double size = 10;  // units
  bool bold = false;
  bool italic = false;
};

enum class Align { left, center, right };

// The width of a text in units.
using TextWidth = std::function<double(std::string_view text, Font const& font)>;
// By cairo, of the fonts that are installed. Holds a context: one thread at a time.
TextWidth cairo_text_width();

// UTF-8 that cairo takes: bytes that are none become U+FFFD, control characters blanks; cut after
// 1,000 bytes.
std::string clean_text(std::string_view text);
// `text`, or its beginning and its end with "…" between them, as much as fits in `width`; the end
// of a path tells more than its middle. Empty when not even one letter fits.
std::string elided(std::string_view text, double width, Font const& font, TextWidth const& measure);

}  // namespace dadvisor::graphite::picture
