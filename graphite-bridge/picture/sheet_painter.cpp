#include "graphite-bridge/picture/sheet_painter.hpp"

#include <algorithm>

namespace dadvisor::graphite::picture {
namespace {

void write(Canvas& canvas, PlacedText const& text, Color const& usual) {
  canvas.set_color(text.color.value_or(usual));
  canvas.text(text.text, text.x, text.baseline, text.align);
}

// A piece of the curve's line on a piece of its area.
void paint_swatch(Canvas& canvas, Box const& box, Curve const& curve) {
  auto* const context = canvas.context();
  if (curve.fill) {
    cairo_rectangle(context, box.left, box.top, box.width(), box.height());
    canvas.set_color(curve.color.with_alpha(curve.color.alpha * std::max(*curve.fill, 0.4)));
    cairo_fill(context);
  }
  if (!(curve.line_width > 0)) return;
  canvas.set_dashes(curve.dashes);
  double const line = curve.fill ? box.top + 0.75 : (box.top + box.bottom) / 2;
  cairo_move_to(context, box.left, line);
  cairo_line_to(context, box.right, line);
  canvas.set_color(curve.color);
  cairo_set_line_width(context, std::clamp(curve.line_width * 1.6, 1.5, box.height()));
  cairo_stroke(context);
  canvas.set_dashes({});
}

}  // namespace

void paint_ground(Canvas& canvas, Theme const& theme) {
  canvas.set_color(theme.background);
  cairo_set_operator(canvas.context(), CAIRO_OPERATOR_SOURCE);
  cairo_paint(canvas.context());
  cairo_set_operator(canvas.context(), CAIRO_OPERATOR_OVER);
}

void paint_titles(Canvas& canvas, std::vector<PlacedText> const& titles, Font const& font,
                  Theme const& theme) {
  canvas.set_font(font);
  for (auto const& text : titles) write(canvas, text, theme.foreground);
}

void paint_message(Canvas& canvas, std::string const& message, Box const& box, Font font,
                   Theme const& theme) {
  font.size = std::min({font.size * 1.5, box.height() * 0.5, box.width() / 5});
  canvas.set_font(font);
  canvas.set_color(theme.quiet);
  canvas.text(message, (box.left + box.right) / 2, (box.top + box.bottom) / 2 + font.size * 0.36,
              Align::center);
}

void paint_legend(Canvas& canvas, Legend const& legend, std::vector<Curve> const& curves,
                  Theme const& theme) {
  for (auto const& entry : legend.entries) {
    paint_swatch(canvas, entry.swatch, curves[entry.curve]);
    write(canvas, entry.name, theme.foreground);
  }
  for (auto const& text : legend.figures) write(canvas, text, theme.foreground);
  for (auto const& text : legend.rest) write(canvas, text, theme.quiet);
}

}  // namespace dadvisor::graphite::picture
