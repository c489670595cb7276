#include "graphite-bridge/picture/painter.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "graphite-bridge/picture/sheet_painter.hpp"
#include "graphite-bridge/picture/stroke.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr std::size_t clipped_up_to = 20;    // cairo's time for clips grows with their number
constexpr std::size_t corners_at_once = 64;  // cairo's time for a path grows faster than the path
constexpr std::size_t steps_a_corner = 64;   // for QueryBudget::work()

class Painter {
 public:
  Painter(Canvas& canvas, Layout const& layout, PictureOptions const& options, QueryBudget* budget)
      : canvas_(canvas),
        context_(canvas.context()),
        layout_(layout),
        options_(options),
        budget_(budget) {}

  void paint() {
    paint_ground(canvas_, options_.theme);
    paint_spans();
    paint_grid();
    paint_axis();
    paint_curves();
    if (budget_ != nullptr && budget_->over()) return;
    paint_thresholds();
    paint_marks();
    paint_texts();
    paint_legend(canvas_, layout_.legend, layout_.curves, options_.theme);
  }

 private:
  void horizontal(double left, double right, double y) {
    cairo_move_to(context_, left, canvas_.crisp(y));
    cairo_line_to(context_, right, canvas_.crisp(y));
  }
  void vertical(double x, double top, double bottom) {
    cairo_move_to(context_, canvas_.crisp(x), top);
    cairo_line_to(context_, canvas_.crisp(x), bottom);
  }
  void stroke(Color const& color, double width) {
    canvas_.set_color(color);
    cairo_set_line_width(context_, width);
    cairo_stroke(context_);
  }
  void paint_spans() {
    auto const& plot = layout_.plot;
    for (auto const& span : layout_.spans) {
      canvas_.set_color(options_.theme.of(span.role).with_alpha(0.12));
      cairo_rectangle(context_, span.box.left, plot.top, span.box.width(), plot.height());
      cairo_fill(context_);
    }
  }

  void paint_grid() {
    auto const& plot = layout_.plot;
    for (double const y : layout_.minor_lines) horizontal(plot.left, plot.right, y);
    stroke(options_.theme.minor_line, canvas_.pixel());
    for (double const x : layout_.time_lines) vertical(x, plot.top, plot.bottom);
    for (double const y : layout_.value_lines) horizontal(plot.left, plot.right, y);
    stroke(options_.theme.major_line, canvas_.pixel());
  }

  void paint_curves() {
    auto const& plot = layout_.plot;
    cairo_save(context_);
    // A line along the edge keeps its whole width.
    cairo_rectangle(context_, plot.left - 1, plot.top - 1, plot.width() + 2, plot.height() + 2);
    cairo_clip(context_);
    cairo_set_line_join(context_, CAIRO_LINE_JOIN_BEVEL);
    // The finer edges of the default are not seen on curves, and take half as long again.
    cairo_set_antialias(context_, CAIRO_ANTIALIAS_FAST);
    for (auto const& curve : layout_.curves) {
      if (curve.infinite && !curve.invisible) paint_infinite(curve);
    }
    std::vector<std::vector<Run>> runs(layout_.curves.size());
    bool const few = runs.size() <= clipped_up_to;
    cairo_save(context_);
    for (std::size_t i = 0; i < runs.size(); ++i) {
      auto const& curve = layout_.curves[i];
      if (curve.infinite || curve.invisible) continue;
      if (!work(budget_, steps_a_corner * (1 + curve.values.size()))) break;
      runs[i] = runs_of(curve, layout_, options_);
      if (!curve.fill) continue;
      paint_area(curve, runs[i]);
      if (few && curve.base.empty()) keep_off(runs[i]);
    }
    cairo_restore(context_);
    for (std::size_t i = 0; i < runs.size() && work(budget_, steps_a_corner); ++i)
      paint_line(layout_.curves[i], runs[i]);
    cairo_restore(context_);
  }

  void paint_infinite(Curve const& curve) {
    canvas_.set_dashes(curve.dashes);
    for (std::size_t i = 0; i < curve.values.size(); ++i) {
      if (!is_drawable(curve.values[i]) || curve.values[i] == 0) continue;
      vertical(layout_.x_of(static_cast<double>(curve.times[i])), layout_.plot.top,
               layout_.plot.bottom);
    }
    stroke(curve.color, curve.line_width);
    canvas_.set_dashes({});
  }

  void set_area_path(std::vector<Run> const& runs) {
    for (auto const& run : runs) {
      cairo_new_sub_path(context_);
      for (auto const& point : run.line) cairo_line_to(context_, point.x, point.y);
      for (auto point = run.floor.rbegin(); point != run.floor.rend(); ++point) {
        cairo_line_to(context_, point->x, point->y);
      }
      cairo_close_path(context_);
    }
  }

  void paint_area(Curve const& curve, std::vector<Run> const& runs) {
    set_area_path(runs);
    canvas_.set_color(curve.color.with_alpha(curve.color.alpha * *curve.fill));
    cairo_fill(context_);
  }

  // Where one area is, no later one is painted: their colours would mix to one that the legend
  // does not have. graphite-web does the same.
  void keep_off(std::vector<Run> const& runs) {
    auto const& plot = layout_.plot;
    cairo_rectangle(context_, plot.left - 1, plot.top - 1, plot.width() + 2, plot.height() + 2);
    set_area_path(runs);
    cairo_set_fill_rule(context_, CAIRO_FILL_RULE_EVEN_ODD);
    cairo_clip(context_);
    cairo_set_fill_rule(context_, CAIRO_FILL_RULE_WINDING);
  }

  void paint_line(Curve const& curve, std::vector<Run> const& runs) {
    if (!(curve.line_width > 0)) return;
    bool const opaque = curve.color.alpha >= 1;
    canvas_.set_dashes(curve.dashes);
    canvas_.set_color(curve.color);
    cairo_set_line_width(context_, curve.line_width);
    for (auto const& run : runs) {
      if (run.line.size() == 1) continue;
      // Pieces overlap by a stretch, so that their seams have joins; in glassy ink that is seen.
      auto const piece = opaque && curve.dashes.empty() ? corners_at_once : run.line.size();
      for (std::size_t begin = 0; begin + 1 < run.line.size(); begin += piece - 1) {
        auto const end = std::min(begin + piece + 1, run.line.size());
        if (!work(budget_, steps_a_corner * (end - begin))) return;
        for (std::size_t i = begin; i < end; ++i) {
          cairo_line_to(context_, run.line[i].x, run.line[i].y);
        }
        cairo_stroke(context_);
      }
    }
    canvas_.set_dashes({});
    paint_dots(curve, runs);
  }

  // A value without neighbours is a dot, or nothing would be seen of it.
  void paint_dots(Curve const& curve, std::vector<Run> const& runs) {
    double const radius = std::max(2.0, curve.line_width * 1.25);
    for (auto const& run : runs) {
      if (run.line.size() != 1) continue;
      cairo_new_sub_path(context_);
      cairo_arc(context_, run.line[0].x, run.line[0].y, radius, 0, 2 * std::numbers::pi);
    }
    cairo_fill(context_);
  }

  // Words over curves stand on a ground of their own.
  void text_on_ground(PlacedText const& text) {
    double const width = canvas_.width(text.text);
    double const left = text.align == Align::left ? text.x : text.x - width;
    double const size = layout_.font.size;
    canvas_.set_color(options_.theme.background.with_alpha(0.75));
    cairo_rectangle(context_, left - 2, text.baseline - size * 0.85, width + 4, size * 1.1);
    cairo_fill(context_);
    write(text, options_.theme.foreground);
  }

  void paint_thresholds() {
    canvas_.set_font(layout_.font);
    for (auto const& line : layout_.thresholds) {
      canvas_.set_dashes({6, 3});
      horizontal(layout_.plot.left, layout_.plot.right, line.position);
      stroke(options_.theme.of(line.role), std::max(1.0, canvas_.pixel()));
      canvas_.set_dashes({});
      if (line.label) text_on_ground(*line.label);
    }
  }

  void paint_marks() {
    auto const& plot = layout_.plot;
    for (auto const& mark : layout_.marks) {
      canvas_.set_dashes({2, 2});
      vertical(mark.position, plot.top, plot.bottom);
      stroke(options_.theme.of(mark.role), std::max(1.0, canvas_.pixel()));
      canvas_.set_dashes({});
      double const x = canvas_.crisp(mark.position);
      double const side = layout_.font.size * 0.35;
      cairo_move_to(context_, x - side, plot.bottom);
      cairo_line_to(context_, x + side, plot.bottom);
      cairo_line_to(context_, x, plot.bottom - side * 1.6);
      cairo_close_path(context_);
      cairo_fill(context_);
      if (mark.label) text_on_ground(*mark.label);
    }
  }

  void paint_axis() {
    if (!layout_.has_axes) return;
    horizontal(layout_.plot.left, layout_.plot.right, layout_.plot.bottom);
    stroke(options_.theme.axis, canvas_.pixel());
  }

  void write(PlacedText const& text, Color const& usual) {
    canvas_.set_color(text.color.value_or(usual));
    canvas_.text(text.text, text.x, text.baseline, text.align);
  }

  void paint_texts() {
    auto const& theme = options_.theme;
    paint_titles(canvas_, layout_.titles, layout_.title_font, theme);
    canvas_.set_font(layout_.font);
    for (auto const* title : {&layout_.left_title, &layout_.right_title}) {
      if (!*title) continue;
      canvas_.set_color(theme.quiet);
      canvas_.vertical_text((*title)->text, (*title)->x, (*title)->baseline);
    }
    for (auto const& text : layout_.value_labels) write(text, theme.quiet);
    for (auto const& text : layout_.time_labels) write(text, theme.quiet);
    for (auto const& text : layout_.contexts) write(text, theme.quiet);
    for (auto const& text : layout_.last_values) write(text, theme.foreground);
    if (!layout_.message.empty()) {
      paint_message(canvas_, layout_.message, layout_.plot, layout_.font, theme);
      canvas_.set_font(layout_.font);
    }
  }

  Canvas& canvas_;
  cairo_t* context_;
  Layout const& layout_;
  PictureOptions const& options_;
  QueryBudget* const budget_;
};

}  // namespace

void paint(Canvas& canvas, Layout const& layout, PictureOptions const& options,
           QueryBudget* budget) {
  Painter(canvas, layout, options, budget).paint();
}

}  // namespace dadvisor::graphite::picture
