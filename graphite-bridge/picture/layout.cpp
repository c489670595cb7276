#include "graphite-bridge/picture/layout.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "graphite-bridge/picture/annotation.hpp"
#include "graphite-bridge/picture/heading.hpp"

namespace dadvisor::graphite::picture {
namespace {

// How high a picture must be for a second row below the time axis.
constexpr double high_enough_for_context = 160;

// Which parts a picture has room for.
struct Parts {
  bool legend = true, titles = true, axes = true;
};

// A way to a layout: what is left of the sheet while its parts take their places.
class Arrangement {
 public:
  Arrangement(Window const& window, PictureOptions const& options, TextWidth const& measure,
              Parts const& parts)
      : options_(options), measure_(measure), parts_(parts) {
    out_.window = window;
    out_.font = usual_font(options);
    out_.title_font = out_.font;
    bool const bare = options.graph_only || !parts.axes;
    sheet_ = sheet_within(options, bare);
    margin_ = sheet_.left;
    shows_axes_ = !bare && !options.hide_axes;
    out_.has_axes = shows_axes_;
  }

  // `curves` as they are; the layout without them.
  Layout arrange(std::vector<Curve> const& curves) {
    bool const drawable = std::any_of(curves.begin(), curves.end(), [](Curve const& curve) {
      return !curve.invisible && std::any_of(curve.values.begin(), curve.values.end(), is_drawable);
    });
    if (!drawable) out_.message = "No data";
    if (parts_.titles && !options_.graph_only) place_titles(curves);
    if (parts_.legend && !options_.graph_only) place_legend(curves);
    bool const time_labels = shows_axes_ && !options_.hide_x_axis;
    bool const context =
        time_labels && options_.time_format.empty() && options_.height >= high_enough_for_context;
    if (time_labels) sheet_.bottom -= size() * (context ? 2.75 : 1.5);
    out_.plot = sheet_;
    place_scales(curves, drawable);
    if (shows_axes_) place_time_axis(time_labels, context);
    for (auto* title : {&out_.left_title, &out_.right_title}) {
      if (*title) (*title)->baseline = (out_.plot.top + out_.plot.bottom) / 2;
    }
    return std::move(out_);
  }

 private:
  double size() const { return out_.font.size; }

  void place_titles(std::vector<Curve> const& curves) {
    auto heading = make_heading(options_.title, sheet_, out_.font, measure_);
    out_.title_font = heading.font;
    out_.titles = std::move(heading.lines);
    sheet_.top += heading.height;
    double const room = sheet_.height() * 0.5;  // of the plot's height, which is not known yet
    auto const titled = [&](std::string const& text) {
      return elided(clean_text(text), room, out_.font, measure_);
    };
    if (!options_.left.title.empty()) {
      out_.left_title =
          PlacedText{titled(options_.left.title), sheet_.left + size() * 0.8, 0, Align::center, {}};
      sheet_.left += size() * 1.5;
    }
    bool const two = std::any_of(curves.begin(), curves.end(), [](auto& one) { return one.right; });
    if (two && !options_.right.title.empty()) {
      out_.right_title = PlacedText{
          titled(options_.right.title), sheet_.right - size() * 0.2, 0, Align::center, {}};
      sheet_.right -= size() * 1.5;
    }
  }

  void place_legend(std::vector<Curve> const& curves) {
    Box const area{margin_, sheet_.bottom - options_.height * 0.4, options_.width - margin_,
                   sheet_.bottom};
    out_.legend = make_legend(curves, area, options_, out_.font, measure_);
    if (out_.legend.height > 0) sheet_.bottom -= out_.legend.height + size() * 0.5;
  }

  ScaleRequest request_for(std::vector<Curve> const& curves, bool right) const {
    ScaleRequest out;
    if (auto const limits = limits_of(curves, right, options_.log_base.has_value())) {
      out.lowest = limits->first;
      out.highest = limits->second;
    }
    for (auto const& threshold : options_.thresholds) {
      if (threshold.second_y_axis != right || !is_drawable(threshold.value)) continue;
      if (options_.log_base && threshold.value <= 0) continue;
      out.lowest = std::min(out.lowest.value_or(threshold.value), threshold.value);
      out.highest = std::max(out.highest.value_or(threshold.value), threshold.value);
    }
    out.axis = right ? options_.right : options_.left;
    out.unit_system = options_.unit_system;
    out.unit = options_.unit;
    out.log_base = options_.log_base;
    out.divisions = options_.divisions;
    double const room = out_.plot.height() / (size() * 3.2);
    out.most_divisions = shows_axes_ ? static_cast<int>(std::clamp(room, 1.0, 8.0)) : 8;
    out.minor_lines = options_.minor_lines.value_or(0);
    return out;
  }

  void place_scales(std::vector<Curve> const& curves, bool drawable) {
    auto const has = [&](bool right) {
      return std::any_of(curves.begin(), curves.end(),
                         [&](Curve const& one) { return one.right == right; });
    };
    bool const two = has(true);
    out_.left = make_scale(request_for(curves, false));
    if (two) {
      auto request = request_for(curves, true);
      if (has(false) && !options_.log_base && out_.left.lines.size() > 1) {
        request.exact_divisions = static_cast<int>(out_.left.lines.size()) - 1;
      }
      out_.right = make_scale(request);
    }
    auto const widest = [&](Scale const& scale) {
      double out = 0;
      for (auto const& label : scale.labels) out = std::max(out, measure_(label.text, out_.font));
      return out + size() * 0.6;
    };
    bool const labels = shows_axes_ && !options_.hide_y_axis && drawable;
    bool const on_right = options_.y_axis_on_right && !two;
    bool const left_labels = labels && (has(false) || !two) && !on_right;
    if (left_labels) out_.plot.left += widest(out_.left);
    if (labels && two) out_.plot.right -= widest(*out_.right);
    if (labels && on_right) out_.plot.right -= widest(out_.left);
    reserve_last_values(curves, !parts_.axes || (labels && (two || on_right)));
    if (left_labels) {
      place_value_labels(out_.left, out_.plot.left - size() * 0.6, Align::right, false);
    }
    double const beyond = out_.plot.right + size() * 0.6;
    if (labels && on_right) place_value_labels(out_.left, beyond, Align::left, false);
    if (labels && two) place_value_labels(*out_.right, beyond, Align::left, true);
    if (!shows_axes_ || options_.hide_grid || !drawable) return;
    bool const by_right = two && !has(false);
    auto const& scale = by_right ? *out_.right : out_.left;
    for (double const value : scale.lines) out_.value_lines.push_back(out_.y_of(value, by_right));
    for (double const value : scale.minor) out_.minor_lines.push_back(out_.y_of(value, by_right));
  }

  // Room for label_last right of the plot; with labels of an axis there, there is none.
  void reserve_last_values(std::vector<Curve> const& curves, bool taken) {
    if (taken || options_.graph_only) {
      shows_last_ = false;
      return;
    }
    double width = 0;
    for (auto const& last : last_values(curves, options_)) {
      width = std::max(width, measure_(last.text, out_.font));
    }
    if (width > 0) out_.plot.right -= width + size() * 0.5;
  }

  void place_value_labels(Scale const& scale, double x, Align align, bool right) {
    double previous = out_.plot.bottom + size() * 2;
    for (auto const& label : scale.labels) {
      double const y = out_.y_of(label.value, right);
      if (previous - y < size() * 1.2) continue;
      out_.value_labels.push_back({label.text, x, y + size() * 0.36, align, {}});
      previous = y;
    }
  }

  void place_time_axis(bool labels, bool context) {
    TimeAxisRequest request;
    request.from = out_.window.from;
    request.until = out_.window.until;
    request.zone = options_.zone;
    request.width = out_.plot.width();
    request.format = options_.time_format;
    request.has_context = context;
    request.font = out_.font;
    double const baseline = out_.plot.bottom + size() * 1.4;
    double const highest = options_.width - 2;
    double free_from = 0;
    // In the middle below its tick, but within the sheet.
    auto const placed = [&](std::string const& text, double x, double base) {
      double const half = measure_(text, out_.font) / 2;
      double const middle = std::max(std::min(x, highest - half), half + 2);
      return std::pair(PlacedText{text, middle, base, Align::center, {}}, half);
    };
    for (auto const& tick : make_time_axis(request, measure_)) {
      double const x = out_.x_of(static_cast<double>(tick.time));
      if (!options_.hide_grid) out_.time_lines.push_back(x);
      if (!labels || tick.label.empty()) continue;
      auto [text, half] = placed(tick.label, x, baseline);
      if (text.x - half < free_from) continue;
      free_from = text.x + half + size() * 0.4;
      out_.time_labels.push_back(std::move(text));
      if (tick.context.empty()) continue;
      place_context(tick.context, out_.time_labels.back().x - half, baseline + size() * 1.25);
    }
  }

  // Below its tick's label, flush with it. Of two days that have no room for both names the later
  // one is shown.
  void place_context(std::string const& text, double left, double baseline) {
    double const width = measure_(text, out_.font);
    left = std::max(std::min(left, options_.width - 2 - width), 2.0);
    if (!out_.contexts.empty() && context_end_ > left) out_.contexts.pop_back();
    if (width + 4 > options_.width) return;
    context_end_ = left + width + size() * 0.8;
    out_.contexts.push_back({text, left, baseline, Align::left, {}});
  }

 public:
  bool shows_last() const { return shows_last_; }

 private:
  PictureOptions const& options_;
  TextWidth const& measure_;
  Parts parts_;
  Layout out_;
  Box sheet_;
  double margin_ = 0;
  bool shows_axes_ = true;
  bool shows_last_ = true;
  double context_end_ = 0;
};

}  // namespace

double Layout::x_of(double unix_seconds) const {
  double const range = std::max(static_cast<double>(window.until - window.from), 1.0);
  return plot.left + (unix_seconds - static_cast<double>(window.from)) / range * plot.width();
}

double Layout::y_of(double value, bool on_right) const {
  double const position = (on_right && right ? *right : left).position(value);
  if (std::isnan(position)) return absent;
  return plot.bottom - std::clamp(position, -50.0, 51.0) * plot.height();
}

Layout make_layout(SeriesList const& series, Window const& window, PictureOptions const& options,
                   TextWidth const& measure) {
  // A little finer than the plot's pixels: how wide the plot is depends on the values.
  auto curves = make_curves(series, window, options.width, options);
  bool shows_last = true;
  auto const attempt = [&](Parts const& parts) {
    Arrangement arrangement(window, options, measure, parts);
    auto out = arrangement.arrange(curves);
    shows_last = arrangement.shows_last() && parts.axes;
    return out;
  };
  auto out = attempt({});
  double const size = out.font.size;
  for (auto const& parts :
       {Parts{false, true, true}, Parts{false, false, true}, Parts{false, false, false}}) {
    if (out.plot.width() >= size * 4 && out.plot.height() >= size * 3) break;
    out = attempt(parts);
  }
  out.curves = std::move(curves);
  auto annotated = options;
  annotated.label_last = options.label_last && shows_last;
  annotate(out, annotated, measure);
  return out;
}

}  // namespace dadvisor::graphite::picture
