#include "graphite-bridge/picture/pie_painter.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <vector>

#include "graphite-bridge/picture/sheet_painter.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr double seam = 1.5;         // the ground between two slices, units
constexpr double wide_enough = 3.0;  // a slice narrower than that at the rim has none

void paint_slice(Canvas& canvas, Pie const& pie, Slice const& slice) {
  auto* const context = canvas.context();
  if (slice.share < 1) cairo_move_to(context, pie.x, pie.y);
  cairo_arc(context, pie.x, pie.y, pie.radius, slice.from, slice.until);
  cairo_close_path(context);
  canvas.set_color(pie.curves[slice.curve].color);
  cairo_fill(context);
}

// Between slices the ground is seen, so that neighbours of like colours are two; not where many
// narrow ones stand between them.
void paint_seams(Canvas& canvas, Pie const& pie, Theme const& theme) {
  auto* const context = canvas.context();
  std::vector<Slice> wide;
  std::copy_if(
      pie.slices.begin(), pie.slices.end(), std::back_inserter(wide),
      [&](Slice const& one) { return (one.until - one.from) * pie.radius >= wide_enough; });
  for (std::size_t i = 0; i < wide.size() && pie.slices.size() > 1; ++i) {
    double const whole = i == 0 ? 2 * std::numbers::pi : 0;
    double const end_before = wide[i == 0 ? wide.size() - 1 : i - 1].until - whole;
    if ((wide[i].from - end_before) * pie.radius >= wide_enough) continue;
    cairo_move_to(context, pie.x, pie.y);
    double const end = pie.radius + seam;
    cairo_line_to(context, pie.x + end * std::cos(wide[i].from),
                  pie.y + end * std::sin(wide[i].from));
  }
  canvas.set_color(theme.background);
  cairo_set_line_width(context, seam);
  cairo_stroke(context);
}

}  // namespace

void paint(Canvas& canvas, Pie const& pie, PictureOptions const& options) {
  paint_ground(canvas, options.theme);
  for (auto const& slice : pie.slices) paint_slice(canvas, pie, slice);
  paint_seams(canvas, pie, options.theme);
  paint_titles(canvas, pie.titles, pie.title_font, options.theme);
  canvas.set_font(pie.font);
  for (auto const& label : pie.labels) {
    canvas.set_color(label.color);
    canvas.turned_text(label.text, label.x, label.y, label.angle, pie.font.size * 0.36);
  }
  paint_legend(canvas, pie.legend, pie.curves, options.theme);
  if (!pie.message.empty()) {
    paint_message(canvas, pie.message, pie.area, pie.font, options.theme);
  }
}

}  // namespace dadvisor::graphite::picture
