#include "graphite-bridge/picture/curve.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "graphite-bridge/picture/layout.hpp"
#include "graphite-bridge/picture/stroke.hpp"
#include "letters.hpp"

using namespace dadvisor::graphite;
using namespace dadvisor::graphite::picture;
using test::series_of;

namespace {

// As texts, so that absent ones compare.
std::string text_of(std::vector<double> const& values) {
  std::string out;
  for (double const value : values) {
    out += is_absent(value) ? "- " : std::to_string(static_cast<int>(std::lround(value))) + " ";
  }
  return out;
}

std::vector<Curve> curves_of(SeriesList const& series, PictureOptions const& options = {},
                             double width = 600) {
  return make_curves(series, {0, 600, 600}, width, options);
}

}  // namespace

TEST_CASE("points nearer than a pixel become one by the series' own function") {
  // 60 points of 10 s over 600 s on 10 units: 60 s a unit, six points each.
  std::vector<double> values;
  for (int i = 0; i < 60; ++i) values.push_back(i);
  for (auto const& [consolidation, first, second] :
       {std::tuple(Consolidation::average, 2.5, 8.5), std::tuple(Consolidation::sum, 15.0, 51.0),
        std::tuple(Consolidation::max, 5.0, 11.0), std::tuple(Consolidation::min, 0.0, 6.0),
        std::tuple(Consolidation::last, 5.0, 11.0), std::tuple(Consolidation::first, 0.0, 6.0)}) {
    auto series = series_of("a", values, 0, 10);
    series.consolidation = consolidation;
    auto const curve = curves_of({series}, {}, 10)[0];
    REQUIRE(curve.values.size() == 10);
    CHECK(curve.values[0] == first);
    CHECK(curve.values[1] == second);
    CHECK(curve.times[1] == 60);
    CHECK(curve.step == 60);
  }
  CHECK(curves_of({series_of("a", values, 0, 10)}, {}, 600)[0].values.size() == 60);
}

TEST_CASE("groups begin at multiples of their step, and no value is lost") {
  std::vector<double> values(20, 1);
  auto series = series_of("a", values, 10, 10);  // 10 .. 200
  series.consolidation = Consolidation::sum;
  auto const curve = curves_of({series}, {}, 10)[0];
  CHECK(text_of(curve.values) == "5 6 6 3 ");  // 10..50, 60..110, 120..170, 180..200
  CHECK(curve.times == std::vector<std::int64_t>{10, 60, 120, 180});
}

TEST_CASE("areas stand on one another, gaps add nothing") {
  PictureOptions options;
  options.area_mode = AreaMode::stacked;
  auto const curves = curves_of(
      {series_of("a", {1, absent, 3}), series_of("b", {10, 20, absent}), series_of("c", {5, 5, 5})},
      options);
  CHECK(text_of(curves[0].values) == "1 - 3 ");
  CHECK(text_of(curves[0].base) == "0 0 0 ");
  CHECK(text_of(curves[1].values) == "11 20 - ");
  CHECK(text_of(curves[1].base) == "1 0 3 ");
  CHECK(text_of(curves[2].values) == "16 25 8 ");
  CHECK(text_of(curves[2].base) == "11 20 3 ");
  CHECK(curves[0].figures.last == 3);  // the legend tells the series' own values
  CHECK(limits_of(curves, false, false) == std::pair(0.0, 25.0));
}

TEST_CASE("what stacked() has summed up is not summed again") {
  auto low = series_of("low", {1, 2});
  auto high = series_of("high", {5, 7});
  auto other = series_of("other", {100, 100});
  low.drawing.stack = high.drawing.stack = "x";
  for (auto const mode : {AreaMode::none, AreaMode::stacked}) {
    PictureOptions options;
    options.area_mode = mode;
    auto const curves = curves_of({low, other, high}, options);
    CHECK(text_of(curves[0].values) == "1 2 ");
    CHECK(text_of(curves[2].values) == "5 7 ");
    CHECK(text_of(curves[2].base) == "1 2 ");
    CHECK(curves[1].fill.has_value() == (mode == AreaMode::stacked));
  }
}

TEST_CASE("what lies between two series needs no 0, and both of them") {
  auto low = series_of("low", {40, absent, 44, absent, absent});
  auto high = series_of("high", {50, 52, 54, absent, 58});
  low.drawing.invisible = true;
  low.drawing.stack = high.drawing.stack = "areaBetween(x)";
  for (auto const mode : {AreaMode::none, AreaMode::stacked}) {
    PictureOptions options;
    options.area_mode = mode;
    auto const curves = curves_of({low, high}, options);
    CHECK(text_of(curves[1].values) == "50 52 54 - 58 ");
    CHECK(curves[1].base[0] == 40);
    CHECK(curves[1].base[1] == 52);  // the line is there, the area has no height
    CHECK(curves[1].base[2] == 44);
    CHECK(curves[1].base[4] == 58);
    CHECK(limits_of(curves, false, false) == std::pair(40.0, 58.0));
  }
}

TEST_CASE("a stack of different steps grows on the coarsest") {
  PictureOptions options;
  options.area_mode = AreaMode::stacked;
  auto const curves = curves_of(
      {series_of("fine", {1, 3, 5, 7}, 0, 30), series_of("coarse", {10, 20}, 0, 60)}, options);
  CHECK(text_of(curves[0].values) == "2 6 ");
  CHECK(text_of(curves[1].values) == "12 26 ");
}

TEST_CASE("area modes fill whom they name") {
  SeriesList const two{series_of("a", {5, 6}), series_of("b", {7, 8})};
  PictureOptions options;
  CHECK_FALSE(curves_of(two, options)[0].fill);
  CHECK(limits_of(curves_of(two, options), false, false) == std::pair(5.0, 8.0));
  options.area_mode = AreaMode::first;
  CHECK(curves_of(two, options)[0].fill);
  CHECK_FALSE(curves_of(two, options)[1].fill);
  options.area_mode = AreaMode::all;
  CHECK(curves_of(two, options)[1].fill);
  CHECK(limits_of(curves_of(two, options), false, false) == std::pair(0.0, 8.0));
  options.area_alpha = 0.3;
  CHECK(curves_of(two, options)[0].fill == 0.3);
}

TEST_CASE("colours are taken in turn by those that bring none") {
  SeriesList three{series_of("a", {1}), series_of("b", {1}), series_of("c", {1})};
  three[1].drawing.color = "red";
  PictureOptions options;
  options.colors = {rgb(0x111111), rgb(0x222222)};
  auto const curves = curves_of(three, options);
  CHECK(curves[0].color == rgb(0x111111));
  CHECK(curves[1].color == rgb(0xc80032));
  CHECK(curves[2].color == rgb(0x222222));
}

TEST_CASE("drawNullAsZero draws what is not there as 0, and only then") {
  PictureOptions options;
  CHECK(text_of(curves_of({series_of("a", {1, absent})}, options)[0].values) == "1 - ");
  options.null_as_zero = true;
  CHECK(text_of(curves_of({series_of("a", {1, absent})}, options)[0].values) == "1 0 ");
}

TEST_CASE("gaps part a line as its mode says") {
  Layout layout;
  layout.plot = {0, 0, 600, 100};
  layout.window = {0, 600, 600};
  layout.left = make_scale({0.0, 100.0, {}, UnitSystem::si, {}, {}, {}, 5, {}, 0});
  PictureOptions options;
  auto const curve =
      curves_of({series_of("a", {10, 20, absent, 40, absent, absent, 70, 80}, 60, 60)})[0];
  auto const sizes = [&] {
    std::vector<std::size_t> out;
    for (auto const& run : runs_of(curve, layout, options)) out.push_back(run.line.size());
    return out;
  };
  using Sizes = std::vector<std::size_t>;
  CHECK(sizes() == Sizes{2, 1, 2});
  CHECK(runs_of(curve, layout, options)[0].line == std::vector<Point>{{60, 90}, {120, 80}});
  options.line_mode = LineMode::staircase;
  CHECK(sizes() == Sizes{4, 2, 4});
  CHECK(runs_of(curve, layout, options)[0].line ==
        std::vector<Point>{{60, 90}, {120, 90}, {120, 80}, {180, 80}});
  options.line_mode = LineMode::connected;
  CHECK(sizes() == Sizes{5});
  options.connected_limit = 1;
  CHECK(sizes() == Sizes{3, 2});
  options.connected_limit = 0;
  CHECK(sizes() == Sizes{2, 1, 2});
}
