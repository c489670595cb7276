#include "graphite-bridge/picture/picture_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "graphite-bridge/number_text.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite::picture {
namespace {

constexpr std::size_t most_thresholds = 50;
constexpr double usual_dash = 5;  // dashed()'s

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (true) {
    auto const end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

template <typename T>
using Choices = std::initializer_list<std::pair<char const*, T>>;

// Reads values by name and keeps the first complaint.
class Reader {
 public:
  explicit Reader(Parameters const& parameters) : parameters_(parameters) {}

  std::optional<Error> const& error() const { return error_; }
  void complain(std::string const& name, std::string const& what, char const* limit = nullptr) {
    if (!error_) error_ = Error{Errc::malformed, 0, name + ": " + what, limit};
  }

  // As it was written; empty when it was not.
  std::string given(std::string const& name) const {
    return last_value(parameters_, name).value_or("");
  }

  std::optional<std::string> text(std::string const& name) const {
    auto value = last_value(parameters_, name);
    if (value && (value->empty() || lower(*value) == "default")) return std::nullopt;
    return value;
  }

  std::optional<double> number(std::string const& name, double least = -HUGE_VAL,
                               double most = HUGE_VAL) {
    auto const value = text(name);
    if (!value) return std::nullopt;
    auto const out = parse_float(*value);
    if (!out || !std::isfinite(*out)) {
      complain(name, "not a number: " + *value);
      return std::nullopt;
    }
    if (*out < least || *out > most) {
      complain(name, fmt::format("must be {:g} to {:g}, not {}", least, most, *value));
      return std::nullopt;
    }
    return out;
  }

  // `limit`: which one it is that a greater one than `most` meets.
  std::optional<int> integer(std::string const& name, int least, int most,
                             char const* limit = nullptr) {
    auto const value = text(name);
    if (!value) return std::nullopt;
    auto const out = parse_integer(*value);
    if (!out || *out < least || *out > most) {
      complain(name, fmt::format("must be {} to {}, not {}", least, most, *value),
               out && *out > most ? limit : nullptr);
      return std::nullopt;
    }
    return static_cast<int>(*out);
  }

  // Anything but "false" and 0 is true, as Python has it.
  std::optional<bool> flag(std::string const& name) const {
    auto const value = text(name);
    if (!value) return std::nullopt;
    return lower(*value) != "false" && parse_float(*value) != 0.0;
  }

  std::optional<Color> color(std::string const& name) {
    auto const value = text(name);
    return value ? color_of(name, *value) : std::nullopt;
  }

  std::optional<Color> color_of(std::string const& name, std::string const& value) {
    auto const out = parse_color(value);
    if (!out) complain(name, "no colour (a name, RRGGBB or RRGGBBAA): " + value);
    return out;
  }

  template <typename T>
  std::optional<T> choice(std::string const& name, Choices<T> const& choices) {
    auto const value = text(name);
    if (!value) return std::nullopt;
    std::string known;
    for (auto const& [word, meaning] : choices) {
      if (lower(*value) == word) return meaning;
      known += (known.empty() ? "" : ", ") + std::string(word);
    }
    complain(name, "must be one of " + known + ", not " + *value);
    return std::nullopt;
  }

 private:
  Parameters const& parameters_;
  std::optional<Error> error_;
};

// Writes into `to` what was given.
template <typename T, typename U>
void set(T& to, std::optional<U> const& given) {
  if (given) to = *given;
}

void read_sheet(Reader& read, PictureOptions& out) {
  set(out.width, read.integer("width", 1, max_size, query_limit::picture));
  set(out.height, read.integer("height", 1, max_size, query_limit::picture));
  set(out.scale, read.number("scale", 0.25, 4));
  if (out.width * out.scale > max_size || out.height * out.scale > max_size) {
    read.complain("scale", fmt::format("width and height by scale must be at most {}", max_size),
                  query_limit::picture);
  }
  auto const margin = read.integer("margin", -max_size, max_size);
  if (margin && *margin >= 0) out.margin = margin;
  set(out.title, read.text("title"));
  set(out.left.title, read.text("vtitle"));
  set(out.right.title, read.text("vtitleRight"));
  set(out.font_name, read.text("fontName"));
  out.font_size = read.number("fontSize", 4, 100);
  set(out.font_bold, read.flag("fontBold"));
  set(out.font_italic, read.flag("fontItalic"));
}

void read_colors(Reader& read, PictureOptions& out) {
  // "default" is a template, too: the look of graphite-web, not ours.
  if (auto const name = read.given("template"); !name.empty()) out.theme = template_theme(name);
  auto const own = read.text("theme");
  if (auto const theme = own ? find_theme(*own) : std::nullopt) out.theme = *theme;
  out.theme = recolored(std::move(out.theme), read.color("bgcolor"), read.color("fgcolor"));
  set(out.theme.major_line, read.color("majorGridLineColor"));
  set(out.theme.minor_line, read.color("minorGridLineColor"));
  for (auto const& text : parts_of(read.text("colorList").value_or(""), ',')) {
    if (text.empty()) continue;
    if (auto const color = read.color_of("colorList", text)) out.colors.push_back(*color);
  }
}

AxisOptions read_axis(Reader& read, std::string const& side, AxisOptions out) {
  out.min = read.number("yMin" + side);
  if (lower(read.text("yMax" + side).value_or("")) == "max") {
    out.max_of_data = true;
  } else {
    out.max = read.number("yMax" + side);
  }
  out.limit = read.number("yLimit" + side);
  out.step = read.number("yStep" + side);
  if (out.step && !(*out.step > 0)) read.complain("yStep" + side, "must be greater than 0");
  return out;
}

void read_stroke(Reader& read, std::string const& side, AxisOptions& out) {
  out.line_width = read.number(side + "Width", 0, 100);
  auto const dashed = side + "Dashed";  // units, or whether
  auto const word = lower(read.given(dashed));
  if (word == "true" || word == "false") {
    out.dash = word == "true" ? usual_dash : 0;
  } else {
    out.dash = read.number(dashed, 0, 1000);
  }
  out.color = read.color(side + "Color");
}

// What `given` leaves open is as in `otherwise`.
AxisOptions either(AxisOptions given, AxisOptions const& otherwise) {
  if (!given.min) given.min = otherwise.min;
  if (!given.max && !given.max_of_data) {
    given.max = otherwise.max;
    given.max_of_data = otherwise.max_of_data;
  }
  if (!given.limit) given.limit = otherwise.limit;
  if (!given.step) given.step = otherwise.step;
  return given;
}

void read_axes(Reader& read, PictureOptions& out) {
  auto both = read_axis(read, "", {});
  if (!both.min) both.min = read.number("min");
  if (!both.max && !both.max_of_data) {
    both.max_of_data = lower(read.given("max")) == "max";
    if (!both.max_of_data) both.max = read.number("max");
  }
  out.left = either(read_axis(read, "Left", out.left), both);
  out.right = read_axis(read, "Right", out.right);
  for (auto const& [axis, name] :
       {std::pair(&out.left, "yMin"), std::pair(&out.right, "yMinRight")}) {
    if (axis->min && axis->max && *axis->min >= *axis->max) {
      read.complain(name, "must be less than the greatest value of its axis");
    }
  }
  read_stroke(read, "left", out.left);
  read_stroke(read, "right", out.right);
  for (auto const& text : parts_of(read.text("yDivisors").value_or(""), ',')) {
    if (text.empty()) continue;
    auto const count = parse_integer(text);
    if (!count || *count < 1 || *count > 100) {
      read.complain("yDivisors", "must be numbers from 1 to 100 with commas: " + text);
      continue;
    }
    out.divisions.push_back(static_cast<int>(*count));
  }
  out.minor_lines = read.integer("minorY", 0, 20);
  if (read.text("logBase") == "e") {
    out.log_base = std::numbers::e;
  } else if (auto const base = read.number("logBase"); base && *base > 1) {
    out.log_base = base;
  }
  set(out.y_axis_on_right, read.choice<bool>("yAxisSide", {{"left", false}, {"right", true}}));
  for (auto const* name : {"yUnitSystem", "unitSystem"}) {
    auto const system = lower(read.text(name).value_or(""));
    if (system == "si") out.unit_system = UnitSystem::si;
    if (system == "binary") out.unit_system = UnitSystem::binary;
    if (system == "none") out.unit_system = UnitSystem::none;
    if (system == "sec") out.unit_system = UnitSystem::seconds;
    if (system == "msec") out.unit_system = UnitSystem::milliseconds;
  }
  set(out.unit, read.text("yUnit"));
  set(out.time_format, read.text("xFormat"));
}

void read_lines(Reader& read, PictureOptions& out) {
  set(out.line_mode, read.choice<LineMode>("lineMode", {{"slope", LineMode::slope},
                                                        {"staircase", LineMode::staircase},
                                                        {"connected", LineMode::connected}}));
  set(out.area_mode, read.choice<AreaMode>("areaMode", {{"none", AreaMode::none},
                                                        {"first", AreaMode::first},
                                                        {"all", AreaMode::all},
                                                        {"stacked", AreaMode::stacked}}));
  out.area_alpha = read.number("areaAlpha", 0, 1);
  if (auto const limit = read.integer("connectedLimit", 0, 1000000000)) {
    out.connected_limit = static_cast<std::size_t>(*limit);
  }
  out.line_width = read.number(read.text("lineWidth") ? "lineWidth" : "thickness", 0, 100);
  set(out.null_as_zero, read.flag("drawNullAsZero"));
  set(out.min_x_step, read.number("minXStep", 0, 1000));
}

void read_pie(Reader& read, PictureOptions& out) {
  set(out.graph_type,
      read.choice<GraphType>("graphType", {{"line", GraphType::line}, {"pie", GraphType::pie}}));
  auto& pie = out.pie;
  set(pie.mode, read.choice<PieMode>("pieMode", {{"average", PieMode::average},
                                                 {"maximum", PieMode::maximum},
                                                 {"minimum", PieMode::minimum}}));
  set(pie.labels, read.choice<ValueLabels>("valueLabels", {{"none", ValueLabels::none},
                                                           {"number", ValueLabels::number},
                                                           {"percent", ValueLabels::percent}}));
  pie.least = read.number("valueLabelsMin");
  pie.label_color = read.color("valueLabelsColor");
  set(pie.rotated, read.choice<bool>("pieLabels", {{"horizontal", false}, {"rotated", true}}));
}

void read_visibility(Reader const& read, PictureOptions& out) {
  out.hide_legend = read.flag("hideLegend");
  set(out.unique_legend, read.flag("uniqueLegend"));
  set(out.hide_null_from_legend, read.flag("hideNullFromLegend"));
  set(out.hide_axes, read.flag("hideAxes"));
  set(out.hide_x_axis, read.flag("hideXAxis"));
  set(out.hide_y_axis, read.flag("hideYAxis"));
  set(out.hide_grid, read.flag("hideGrid"));
  set(out.graph_only, read.flag("graphOnly"));
  set(out.label_last, read.flag("labelLast"));
}

void read_legend_values(Reader& read, PictureOptions& out) {
  for (auto const& text : parts_of(lower(read.text("legendValues").value_or("")), ',')) {
    if (text == "last") {
      out.legend_values.push_back(LegendValue::last);
    } else if (text == "min") {
      out.legend_values.push_back(LegendValue::min);
    } else if (text == "max") {
      out.legend_values.push_back(LegendValue::max);
    } else if (text == "avg" || text == "average") {
      out.legend_values.push_back(LegendValue::average);
    } else if (!text.empty()) {
      read.complain("legendValues", "must be of last, min, max, avg, not " + text);
    }
    if (out.legend_values.size() > 4) read.complain("legendValues", "at most 4");
  }
}

void read_threshold(Reader& read, std::string const& text, PictureOptions& out) {
  if (text.empty()) return;
  auto const colon = text.find(':');
  auto const value = parse_float(text.substr(0, colon));
  if (!value || !std::isfinite(*value)) {
    return read.complain("threshold",
                         "must be VALUE, VALUE:LABEL or VALUE:warn:LABEL, not " + text);
  }
  Threshold threshold;
  threshold.value = *value;
  auto rest = colon == std::string::npos ? std::string() : text.substr(colon + 1);
  for (auto const& [name, role] : {std::pair("warn", Role::warn), std::pair("crit", Role::crit),
                                   std::pair("info", Role::info)}) {
    auto const size = std::string_view(name).size();
    if (!rest.starts_with(name) || (rest.size() > size && rest[size] != ':')) continue;
    threshold.role = role;
    rest.erase(0, size + 1);
    break;
  }
  threshold.label = rest;
  out.thresholds.push_back(std::move(threshold));
  if (out.thresholds.size() > most_thresholds) read.complain("threshold", "too many of them");
}

}  // namespace

Result<PictureOptions> parse_picture_options(Parameters const& parameters) {
  Reader read(parameters);
  PictureOptions out;
  out.zone = zone_of(parameters);
  read_pie(read, out);
  read_sheet(read, out);
  read_colors(read, out);
  read_axes(read, out);
  read_lines(read, out);
  read_visibility(read, out);
  read_legend_values(read, out);
  for (auto const& text : all_values(parameters, "threshold")) read_threshold(read, text, out);
  if (read.error()) return *read.error();
  return out;
}

}  // namespace dadvisor::graphite::picture
