#include "graphite-bridge/picture/curve.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr double plain_fill = 0.2;    // below a line of its own colour
constexpr double stacked_fill = 0.8;  // where areas share the plot
constexpr std::size_t many_curves = 20;

// Neighbours of `series` become one so that points lie at least `seconds` apart. Groups begin at
// multiples of the new step, so that a picture does not flicker when its window moves; the first
// and the last are as short as they are.
void set_points(Curve& curve, Series const& series, double seconds) {
  auto const wanted = std::ceil(seconds / static_cast<double>(series.step) - 1e-9);
  auto const most = static_cast<double>(std::max<std::size_t>(series.values.size(), 1));
  auto const per_point = static_cast<std::size_t>(std::clamp(wanted, 1.0, most));
  curve.step = series.step * static_cast<std::int64_t>(per_point);
  auto const size = series.values.size();
  if (per_point == 1) {
    curve.values = series.values;
    for (std::size_t i = 0; i < size; ++i) {
      curve.times.push_back(series.start + static_cast<std::int64_t>(i) * series.step);
    }
    return;
  }
  auto const behind = (series.start % curve.step + curve.step) % curve.step;
  auto const lead = std::min(per_point - static_cast<std::size_t>(behind / series.step), size);
  auto const first = series.values.begin();
  auto const middle = first + static_cast<std::ptrdiff_t>(lead);
  auto const add = [&](std::vector<double> const& values, std::int64_t start) {
    auto const points = consolidate(values, per_point, series.consolidation, series.x_files_factor);
    for (std::size_t i = 0; i < points.size(); ++i) {
      curve.times.push_back(start + static_cast<std::int64_t>(i) * curve.step);
    }
    curve.values.insert(curve.values.end(), points.begin(), points.end());
  };
  add({first, middle}, series.start);
  add({middle, series.values.end()}, series.start + static_cast<std::int64_t>(lead) * series.step);
}

CurveFigures figures_of(Series const& series, Window const& window) {
  CurveFigures out;
  double sum = 0;
  std::size_t count = 0;
  auto time = series.start;
  for (double const value : series.values) {
    if (is_drawable(value) && time >= window.from && time <= window.until) {
      out.last = value;
      out.min = std::min(value, out.min.value_or(value));
      out.max = std::max(value, out.max.value_or(value));
      sum += value;
      ++count;
    }
    time += series.step;
  }
  if (count > 0) out.average = sum / static_cast<double>(count);
  return out;
}

// A stack grows on the points of its coarsest curve; on others the values of each point's stretch
// become one.
std::vector<double> on_grid(Curve const& curve, std::vector<std::int64_t> const& grid,
                            std::int64_t step, Consolidation consolidation) {
  if (curve.times == grid) return curve.values;
  std::vector<double> out;
  for (auto const time : grid) {
    auto const begin = std::lower_bound(curve.times.begin(), curve.times.end(), time);
    auto const end = std::lower_bound(begin, curve.times.end(), time + step);
    std::vector<double> const part(curve.values.begin() + (begin - curve.times.begin()),
                                   curve.values.begin() + (end - curve.times.begin()));
    out.push_back(part.empty() ? absent : consolidate(part, part.size(), consolidation, 0)[0]);
  }
  return out;
}

struct Stack {
  std::vector<std::size_t> members;  // in the order in which they stand on one another
  bool totals = false;               // values are what stacked() has summed up already
};

void grow(std::vector<Curve>& curves, Stack const& stack, SeriesList const& series,
          QueryBudget* budget) {
  auto const coarsest = *std::max_element(
      stack.members.begin(), stack.members.end(),
      [&](std::size_t a, std::size_t b) { return curves[a].step < curves[b].step; });
  auto const grid = curves[coarsest].times;
  auto const step = curves[coarsest].step;
  std::vector<double> top(grid.size(), 0.0);
  Curve const* below = nullptr;
  for (auto const member : stack.members) {
    auto& curve = curves[member];
    if (!work(budget, 8 * grid.size())) return;
    curve.values = on_grid(curve, grid, step, series[member].consolidation);
    curve.times = grid;
    curve.step = step;
    curve.base = top;
    bool const between = below != nullptr && below->invisible;
    for (std::size_t i = 0; i < top.size(); ++i) {
      if (!is_drawable(curve.values[i])) continue;
      // Between an unknown value and a known one there is no area, only the line.
      if (between && !is_drawable(below->values[i])) curve.base[i] = curve.values[i];
      if (!stack.totals) curve.values[i] += top[i];
      top[i] = curve.values[i];
    }
    below = &curve;
  }
}

// Stacks by name and axis: those of stacked(), and all others where areaMode says so.
std::map<std::pair<bool, std::string>, Stack> stacks_of(SeriesList const& series,
                                                        PictureOptions const& options) {
  std::map<std::pair<bool, std::string>, Stack> out;
  for (std::size_t i = 0; i < series.size(); ++i) {
    auto const& drawing = series[i].drawing;
    if (drawing.infinite) continue;
    if (drawing.stack) {
      auto& stack = out[{drawing.second_y_axis, "of stacked: " + *drawing.stack}];
      stack.totals = true;
      stack.members.push_back(i);
    } else if (options.area_mode == AreaMode::stacked) {
      out[{drawing.second_y_axis, "areaMode"}].members.push_back(i);
    }
  }
  return out;
}

std::optional<double> fill_of(Series const& series, std::size_t index,
                              PictureOptions const& options) {
  auto const& drawing = series.drawing;
  if (drawing.infinite) return std::nullopt;
  bool const stacked = drawing.stack || options.area_mode == AreaMode::stacked;
  bool const plain =
      options.area_mode == AreaMode::all || (options.area_mode == AreaMode::first && index == 0);
  if (!stacked && !plain) return std::nullopt;
  return drawing.alpha.value_or(options.area_alpha.value_or(stacked ? stacked_fill : plain_fill));
}

void set_look(Curve& curve, Series const& series, std::size_t index, std::size_t count,
              bool two_axes, PictureOptions const& options) {
  auto const& drawing = series.drawing;
  auto const& axis = drawing.second_y_axis ? options.right : options.left;
  curve.right = drawing.second_y_axis;
  curve.infinite = drawing.infinite;
  curve.invisible = drawing.invisible;
  curve.fill = fill_of(series, index, options);
  curve.dashes = drawing.dashes;
  double const usual = count > many_curves || curve.infinite ? 1.0 : 1.5;
  curve.line_width = drawing.line_width.value_or(options.line_width.value_or(usual));
  if (two_axes) {
    if (axis.dash) curve.dashes = {*axis.dash, *axis.dash};
    if (axis.line_width) curve.line_width = *axis.line_width;
    if (axis.color) curve.color = *axis.color;
  }
  if (drawing.alpha && !curve.fill) curve.color.alpha = *drawing.alpha;
}

}  // namespace

bool is_drawable(double value) { return std::isfinite(value); }

std::vector<Curve> make_curves(SeriesList const& series, Window const& window, double width,
                               PictureOptions const& options) {
  auto const& palette = options.colors.empty() ? options.theme.line : options.colors;
  double const seconds = static_cast<double>(window.until - window.from);
  double const per_point = width > 0 ? seconds * options.min_x_step / width : seconds;
  bool const two_axes = std::any_of(series.begin(), series.end(),
                                    [](auto const& one) { return one.drawing.second_y_axis; });
  std::vector<Curve> out(series.size());
  std::size_t next_color = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    auto& curve = out[i];
    if (!work(window.budget, 16 + series[i].values.size() / 4)) break;
    curve.name = series[i].name;
    auto const own = parse_color(series[i].drawing.color);
    curve.color = own ? *own : palette[next_color++ % palette.size()];
    set_look(curve, series[i], i, series.size(), two_axes, options);
    curve.figures = figures_of(series[i], window);
    set_points(curve, series[i], per_point);
    if (!options.null_as_zero || curve.infinite) continue;
    std::replace_if(curve.values.begin(), curve.values.end(), is_absent, 0.0);
  }
  for (auto const& [name, stack] : stacks_of(series, options))
    grow(out, stack, series, window.budget);
  return out;
}

std::optional<std::pair<double, double>> limits_of(std::vector<Curve> const& curves, bool right,
                                                   bool logarithmic) {
  std::optional<std::pair<double, double>> out;
  auto const take = [&](double value) {
    if (!is_drawable(value) || (logarithmic && value <= 0)) return;
    if (!out) out.emplace(value, value);
    out->first = std::min(out->first, value);
    out->second = std::max(out->second, value);
  };
  for (auto const& curve : curves) {
    if (curve.right != right || curve.infinite || curve.invisible) continue;
    for (double const value : curve.values) take(value);
    if (!curve.fill) continue;
    if (curve.base.empty()) take(0);
    for (std::size_t i = 0; i < curve.base.size(); ++i) {
      if (is_drawable(curve.values[i])) take(curve.base[i]);  // elsewhere nothing stands on it
    }
  }
  return out;
}

}  // namespace dadvisor::graphite::picture
