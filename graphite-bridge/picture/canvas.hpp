#pragma once
// A sheet to paint on: a cairo surface with its context, freed with it. Sizes are in units; one
// unit is `scale` device pixels (points of 1/72 inch in a PDF). Texts may hold any bytes: what is
// no UTF-8 and what is no letter is replaced, for cairo would refuse all that follows.
//
// Texts of an SVG are outlines, as cairo 1.16 makes them: real <text> would be laid out by the
// viewer's fonts, wider or narrower than the columns and labels were measured here.

#include <cairo.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/picture/color.hpp"
#include "graphite-bridge/picture/pixel_memory.hpp"
#include "graphite-bridge/picture/text.hpp"
#include "graphite-bridge/picture/typefaces.hpp"

namespace dadvisor::graphite::picture {

class Canvas {
 public:
  enum class Kind { png, svg, pdf };
  // What is on a PNG's sheet at first is undefined: its ground is painted first. Errc::io when cairo
  // has no memory for it.
  static Result<Canvas> make(Kind kind, int width, int height, double scale);

  cairo_t* context() const { return context_.get(); }
  double scale() const { return scale_; }
  // The middle of the device pixel that `position` lies in, where a thin line is sharp.
  double crisp(double position) const;
  double pixel() const { return 1 / scale_; }  // one device pixel in units

  void set_color(Color const& color);
  void set_font(Font const& font);
  double width(std::string_view text);  // in that font, units
  // Anchored at (x, baseline).
  void text(std::string_view text, double x, double baseline, Align align);
  // Rotated by a quarter, read from below; anchored in its middle.
  void vertical_text(std::string_view text, double x_baseline, double y);
  // Rotated by `angle` (radians, clockwise) around its middle at (x, y), whose baseline is so far
  // below that.
  void turned_text(std::string_view text, double x, double y, double angle, double baseline);
  // Of lines from here on, units on, off, ...: none for those that cairo does not take, negative
  // or all 0.
  void set_dashes(std::vector<double> const& dashes);
  // The finished file; nothing may be painted afterwards. Errc::io when cairo failed.
  Result<std::string> finish();

 private:
  Canvas() = default;
  template <auto Free>
  struct Freer {
    template <typename T>
    void operator()(T* value) const {
      Free(value);
    }
  };
  Kind kind_ = Kind::png;
  double scale_ = 1;
  Typefaces faces_;
  // The stream that a surface of vectors writes to: at a fixed place, for cairo keeps its address.
  std::unique_ptr<std::string> stream_ = std::make_unique<std::string>();
  PixelMemory pixels_;  // of a PNG's surface, which must be gone before them
  std::unique_ptr<cairo_surface_t, Freer<cairo_surface_destroy>> surface_;
  std::unique_ptr<cairo_t, Freer<cairo_destroy>> context_;
};

}  // namespace dadvisor::graphite::picture
