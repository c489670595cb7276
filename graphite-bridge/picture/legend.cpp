#include "graphite-bridge/picture/legend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "graphite-bridge/picture/unit_text.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr double row_height = 1.5;  // of the font's size
constexpr double swatch_width = 1.2;
constexpr double swatch_gap = 0.5;
constexpr double column_gap = 1.6;

struct Item {
  std::size_t curve;
  std::string name;
};

std::vector<Item> items_of(std::vector<Curve> const& curves, PictureOptions const& options) {
  std::vector<Item> out;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    auto const& curve = curves[i];
    if (curve.name.empty() || curve.invisible) continue;
    if (options.hide_null_from_legend && !curve.figures.last) continue;
    if (options.unique_legend && !seen.insert(curve.name).second) continue;
    auto name = clean_text(curve.name);
    name.erase(name.find_last_not_of(' ') + 1);  // columns of cactiStyle() end in blanks
    out.push_back({i, name + (curve.right ? " (right)" : "")});
  }
  return out;
}

struct Heading {
  LegendValue value;
  char const* text;
};

Heading heading_of(LegendValue value) {
  switch (value) {
    case LegendValue::last:
      return {value, "last"};
    case LegendValue::min:
      return {value, "min"};
    case LegendValue::max:
      return {value, "max"};
    case LegendValue::average:
      break;
  }
  return {value, "avg"};
}

std::string figure_of(Curve const& curve, LegendValue which, PictureOptions const& options) {
  if (curve.infinite) return {};  // marks have a time, no amount
  auto const& figures = curve.figures;
  auto const value = which == LegendValue::last  ? figures.last
                     : which == LegendValue::min ? figures.min
                     : which == LegendValue::max ? figures.max
                                                 : figures.average;
  if (!value) return "\xE2\x80\x93";  // a dash: none known
  return number_text(*value, options.unit_system, options.unit);
}

// What all ways of setting a legend share.
struct Setting {
  std::vector<Curve> const& curves;
  Box const& area;
  PictureOptions const& options;
  Font const& font;
  TextWidth const& measure;
  std::size_t most_columns;

  double row() const { return font.size * row_height; }
  double name_at() const { return font.size * (swatch_width + swatch_gap); }
  std::size_t rows_with_room() const {
    return static_cast<std::size_t>(std::max(area.height() / row(), 0.0) + 1e-9);
  }
  // Row 0 of `rows` is the uppermost.
  double baseline(std::size_t at, std::size_t rows) const {
    return area.bottom - static_cast<double>(rows - at) * row() + font.size * 1.1;
  }
  void add(Legend& out, Item const& item, double x, double width, double base) const {
    LegendEntry entry;
    entry.curve = item.curve;
    double const middle = base - font.size * 0.35;
    double const half = font.size * 0.36;
    entry.swatch = {x, middle - half, x + font.size * swatch_width, middle + half};
    entry.name = {
        elided(item.name, width - name_at(), font, measure), x + name_at(), base, Align::left, {}};
    out.entries.push_back(std::move(entry));
  }
};

Legend set_names(Setting const& set, std::vector<Item> const& items) {
  Legend out;
  double const room = set.area.width();
  double const gap = set.font.size * column_gap;
  double widest = 0;
  for (auto const& item : items) {
    widest = std::max(widest, set.measure(item.name, set.font));
    if (widest > room) break;
  }
  double const cell = std::min(set.name_at() + widest, room);
  auto const columns =
      std::clamp<std::size_t>(static_cast<std::size_t>((room + gap) / (cell + gap)), 1,
                              std::min(items.size(), set.most_columns));
  auto const most_rows = set.rows_with_room();
  auto const rows = std::min((items.size() + columns - 1) / columns, most_rows);
  if (rows == 0) return out;
  bool const all = rows * columns >= items.size();
  // What is left out is told behind the last name, over as many cells as that takes.
  auto const rest_width = set.measure(fmt::format("+ {} more", items.size()), set.font);
  auto const cells = static_cast<std::size_t>(std::ceil((rest_width + gap) / (cell + gap)));
  auto const shown =
      all ? items.size() : rows * columns - std::clamp<std::size_t>(cells, 1, columns);
  auto const place = [&](std::size_t index) {
    return std::pair(set.area.left + static_cast<double>(index % columns) * (cell + gap),
                     set.baseline(index / columns, rows));
  };
  for (std::size_t i = 0; i < shown; ++i) {
    auto const [x, base] = place(i);
    set.add(out, items[i], x, cell, base);
  }
  if (!all) {
    auto const [x, base] = place(shown);
    auto const text = fmt::format("+ {} more", items.size() - shown);
    out.rest.push_back({elided(text, room, set.font, set.measure), x, base, Align::left, {}});
  }
  out.height = static_cast<double>(rows) * set.row();
  return out;
}

// Names with their figures, in blocks side by side where one would be too high, filled from the
// top; each has a heading.
Legend set_figures(Setting const& set, std::vector<Item> const& items) {
  Legend out;
  auto const most_rows = set.rows_with_room();
  if (most_rows < 2) return out;
  double const gap = set.font.size * column_gap;
  auto const& values = set.options.legend_values;
  std::vector<std::vector<std::string>> texts(values.size());
  std::vector<double> widths;
  double figures_width = 0;
  for (std::size_t column = 0; column < values.size(); ++column) {
    double width = set.measure(heading_of(values[column]).text, set.font);
    for (auto const& item : items) {
      texts[column].push_back(figure_of(set.curves[item.curve], values[column], set.options));
      width = std::max(width, set.measure(texts[column].back(), set.font));
    }
    widths.push_back(width);
    figures_width += width + gap;
  }
  double name_width = 0;
  for (auto const& item : items) {
    name_width = std::max(name_width, set.measure(item.name, set.font));
  }
  double const room = set.area.width();
  double const cell = std::min(set.name_at() + name_width, room - figures_width);
  if (cell < set.name_at()) return set_names(set, items);  // too narrow for figures
  double const block = cell + figures_width + 2 * gap;
  auto const most_blocks =
      std::max<std::size_t>(static_cast<std::size_t>((room + 2 * gap) / block), 1);
  // Figures are compared down a column: another one is begun where half of the room is taken.
  auto const even = (items.size() + most_blocks - 1) / most_blocks;
  auto const low = std::min(items.size(), std::max<std::size_t>(most_rows / 2, 2) - 1);
  auto const most = std::min(std::max(even, low), most_rows - 1);
  auto const blocks = std::min((items.size() + most - 1) / most, most_blocks);
  auto const per_block = std::min((items.size() + blocks - 1) / blocks, most);
  bool const all = per_block * blocks >= items.size();
  auto const room_for = per_block * blocks - (all ? 0 : 1);
  auto const shown = std::min(items.size(), room_for);
  auto const rows = per_block + 1;
  auto const place = [&](std::size_t index) {
    return std::pair(set.area.left + static_cast<double>(index / per_block) * block,
                     index % per_block + 1);
  };
  double right = cell;
  for (std::size_t column = 0; column < values.size(); ++column) {
    right += gap + widths[column];
    for (std::size_t i = 0; i < shown; ++i) {
      auto const [left, row] = place(i);
      double const x = left + right;
      auto const first = texts[column].begin() + static_cast<std::ptrdiff_t>(i);
      auto const end =
          texts[column].begin() + static_cast<std::ptrdiff_t>(std::min(i + per_block, shown));
      bool const any = std::any_of(first, end, [](auto const& one) { return !one.empty(); });
      if (row == 1 && any) {
        out.figures.push_back({heading_of(values[column]).text, x, set.baseline(0, rows),
                               Align::right, set.options.theme.quiet});
      }
      out.figures.push_back({texts[column][i], x, set.baseline(row, rows), Align::right, {}});
    }
  }
  for (std::size_t i = 0; i < shown; ++i) {
    auto const [left, row] = place(i);
    set.add(out, items[i], left, cell, set.baseline(row, rows));
  }
  if (!all) {
    auto const [left, row] = place(shown);
    auto const text = fmt::format("+ {} more", items.size() - shown);
    out.rest.push_back({elided(text, block, set.font, set.measure),
                        left + set.name_at(),
                        set.baseline(row, rows),
                        Align::left,
                        {}});
  }
  out.height = static_cast<double>(rows) * set.row();
  return out;
}

}  // namespace

Legend make_legend(std::vector<Curve> const& curves, Box const& area, PictureOptions const& options,
                   Font const& font, TextWidth const& measure, std::size_t most_columns) {
  if (options.hide_legend.value_or(curves.size() > most_in_legend)) return {};
  auto const items = items_of(curves, options);
  if (items.empty()) return {};
  Setting const set{curves, area, options, font, measure, most_columns};
  return options.legend_values.empty() ? set_names(set, items) : set_figures(set, items);
}

}  // namespace dadvisor::graphite::picture
