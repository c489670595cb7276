#include "graphite-bridge/picture/pie.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <utility>

#include "graphite-bridge/picture/heading.hpp"
#include "graphite-bridge/picture/slice_labels.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr double beside_from = 1.5;   // so much wider than high, the legend stands beside the pie
constexpr double next_round = 0.38;   // how far the palette's colours fade when they come again
constexpr double least_diameter = 6;  // of the font's size; smaller, other parts give way

std::optional<double> value_of(Curve const& curve, PieMode mode) {
  auto const& figures = curve.figures;
  return mode == PieMode::maximum   ? figures.max
         : mode == PieMode::minimum ? figures.min
                                    : figures.average;
}

// Names and colours; the legend's swatches are full, as the slices are.
std::vector<Curve> curves_of(SeriesList const& series, Window const& window,
                             PictureOptions const& options) {
  auto curves = make_curves(series, window, options.width, options);
  auto const palette = options.theme.line.size();
  std::size_t next = 0;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    auto& curve = curves[i];
    bool const of_palette = options.colors.empty() && !parse_color(series[i].drawing.color);
    if (of_palette) {
      // More series than colours: the second time they are paler, the third time deeper, so that
      // neighbours where the circle closes are told apart too.
      auto const round = next / palette;
      auto const& to = round % 2 == 1 ? options.theme.background : options.theme.foreground;
      curve.color = options.theme.line[next % palette];
      if (round > 0) curve.color = curve.color.over(to, 1 - next_round);
      ++next;
    }
    curve.color.alpha *= series[i].drawing.alpha.value_or(options.area_alpha.value_or(1));
    curve.fill = 1;
    curve.line_width = 0;
    curve.dashes.clear();
    curve.infinite = curve.right = false;
  }
  return curves;
}

std::vector<Slice> slices_of(std::vector<Curve> const& curves, PieMode mode) {
  std::vector<Slice> out;
  double greatest = 0;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    auto const value = value_of(curves[i], mode);
    if (curves[i].invisible || !value || !(*value > 0)) continue;
    greatest = std::max(greatest, *value);
    out.push_back({i, *value, 0, 0, 0});
  }
  double whole = 0;  // of parts of the greatest: the sum of values may be beyond all numbers
  for (auto const& slice : out) whole += slice.value / greatest;
  double before = 0;
  auto const angle = [](double share) { return (share * 2 - 0.5) * std::numbers::pi; };
  for (auto& slice : out) {
    slice.share = slice.value / greatest / whole;
    slice.from = angle(before);
    before += slice.share;
    slice.until = angle(before);
  }
  return out;
}

double right_end(Legend const& legend, Font const& font, TextWidth const& measure) {
  double out = 0;
  for (auto const& entry : legend.entries) {
    out = std::max(out, entry.name.x + measure(entry.name.text, font));
  }
  for (auto const& text : legend.figures) out = std::max(out, text.x);
  for (auto const& text : legend.rest) out = std::max(out, text.x + measure(text.text, font));
  return out;
}

void shift(Legend& legend, double x, double y) {
  auto const move = [&](PlacedText& text) {
    text.x += x;
    text.baseline += y;
  };
  for (auto& entry : legend.entries) {
    auto& box = entry.swatch;
    box = {box.left + x, box.top + y, box.right + x, box.bottom + y};
    move(entry.name);
  }
  for (auto& text : legend.figures) move(text);
  for (auto& text : legend.rest) move(text);
}

// Right of the circle, both together in the middle of the sheet.
void place_beside(Pie& pie, Box const& sheet, PictureOptions const& options,
                  TextWidth const& measure) {
  double const gap = pie.font.size * 1.5;
  double const width = std::min(sheet.height() * 1.15, sheet.width() * 0.55);
  Box const area{sheet.left + width + gap, sheet.top, sheet.right, sheet.bottom};
  auto const with = [&](std::size_t most_columns) {
    return make_legend(pie.curves, area, options, pie.font, measure, most_columns);
  };
  pie.legend = with(1);
  if (!pie.legend.rest.empty()) pie.legend = with(std::numeric_limits<std::size_t>::max());
  pie.area = {sheet.left, sheet.top, sheet.left + width, sheet.bottom};
  if (pie.legend.height <= 0) {
    pie.area.right = sheet.right;
    return;
  }
  double const free = sheet.right - right_end(pie.legend, pie.font, measure);
  double const aside = std::max(free, 0.0) / 2;
  shift(pie.legend, aside, -(area.height() - pie.legend.height) / 2);
  pie.area.left += aside;
  pie.area.right += aside;
}

void place_below(Pie& pie, Box const& sheet, PictureOptions const& options,
                 TextWidth const& measure) {
  Box const area{sheet.left, sheet.bottom - options.height * 0.4, sheet.right, sheet.bottom};
  pie.legend = make_legend(pie.curves, area, options, pie.font, measure);
  pie.area = sheet;
  if (pie.legend.height > 0) pie.area.bottom -= pie.legend.height + pie.font.size * 0.8;
}

// Circle and labels with or without what else may stand on the sheet.
void arrange(Pie& pie, bool with_title, bool with_legend, PictureOptions const& options,
             TextWidth const& measure) {
  auto sheet = sheet_within(options, options.graph_only);
  pie.titles.clear();
  pie.legend = {};
  if (with_title) {
    auto heading = make_heading(options.title, sheet, pie.font, measure);
    pie.title_font = heading.font;
    pie.titles = std::move(heading.lines);
    sheet.top += heading.height;
  }
  pie.area = sheet;
  if (with_legend && sheet.width() >= sheet.height() * beside_from) {
    place_beside(pie, sheet, options, measure);
  } else if (with_legend) {
    place_below(pie, sheet, options, measure);
  }
  pie.x = (pie.area.left + pie.area.right) / 2;
  pie.y = (pie.area.top + pie.area.bottom) / 2;
  place_labels(pie, options, measure);
}

}  // namespace

Pie make_pie(SeriesList const& series, Window const& window, PictureOptions const& asked,
             TextWidth const& measure) {
  auto options = asked;
  // Without its legend nobody knows what a slice is.
  options.hide_legend = asked.hide_legend.value_or(false) || asked.graph_only;
  Pie out;
  out.font = out.title_font = usual_font(options);
  out.curves = curves_of(series, window, options);
  out.slices = slices_of(out.curves, options.pie.mode);
  if (out.slices.empty()) out.message = "No data";
  for (auto const& [title, legend] : {std::pair(true, true), {true, false}, {false, false}}) {
    arrange(out, title && !options.graph_only, legend, options, measure);
    if (out.radius * 2 >= out.font.size * least_diameter) break;
  }
  return out;
}

}  // namespace dadvisor::graphite::picture
