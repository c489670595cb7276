#include "graphite-bridge/picture/picture.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include "graphite-bridge/picture/layout.hpp"
#include "letters.hpp"
#include "pixels.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;
using namespace dadvisor::graphite::picture;
using test::Pixels;
using test::series_of;

namespace {

constexpr Window hour{0, 3600, 3600};

// Thick and in pure colours, so that a pixel of a line is wholly its own.
PictureOptions plain() {
  PictureOptions out;
  out.width = 600;
  out.height = 300;
  out.line_width = 4;
  out.hide_grid = true;
  out.colors = {rgb(0xff0000), rgb(0x00ff00), rgb(0x0000ff)};
  return out;
}

struct Drawn {
  Layout layout;
  Pixels pixels;
  Drawn(SeriesList const& series, PictureOptions const& options, Window const& window = hour)
      : layout(make_layout(series, window, options, cairo_text_width())),
        pixels(draw_png(series, window, options).value()) {}
  std::uint32_t at(double seconds, double value, bool right = false) const {
    return pixels.at(layout.x_of(seconds), layout.y_of(value, right));
  }
};

}  // namespace

TEST_CASE("a line is where the values are, a gap where they are absent, the ground elsewhere") {
  std::vector<double> values(60, 50);
  for (std::size_t i = 20; i < 40; ++i) values[i] = absent;  // 1260 .. 2400
  values[0] = 0;
  values[59] = 100;
  Drawn const drawn({series_of("a", values)}, plain());
  CHECK(drawn.pixels.width() == 600);
  CHECK(drawn.pixels.height() == 300);
  CHECK(drawn.at(600, 50) == 0xff0000);
  CHECK(drawn.at(3000, 50) == 0xff0000);
  CHECK(drawn.at(1800, 50) == 0xffffff);
  CHECK(drawn.at(600, 20) == 0xffffff);
  CHECK(drawn.at(600, 80) == 0xffffff);
  // In the gap nothing stands in the whole column but the axis.
  auto const& plot = drawn.layout.plot;
  double const x = drawn.layout.x_of(1800);
  CHECK(drawn.pixels.count(x, plot.top, plot.bottom - 1, 0xffffff) ==
        static_cast<int>(plot.bottom - 1) - static_cast<int>(plot.top));
}

TEST_CASE("one value alone is a dot") {
  std::vector<double> values(60, absent);
  values[29] = 42;  // at 1800
  Drawn const drawn({series_of("a", values)}, plain());
  CHECK(drawn.at(1800, 42) == 0xff0000);
  CHECK(drawn.at(1700, 42) == 0xffffff);
  CHECK(drawn.at(1900, 42) == 0xffffff);
}

TEST_CASE("constants, zeros and the greatest of numbers are seen") {
  for (double const value : {0.0, 42.0, -7.0, 1e300, 1e-300}) {
    INFO(value);
    Drawn const drawn({series_of("a", std::vector<double>(60, value))}, plain());
    double const y = drawn.layout.y_of(value, false);
    // A line on the very edge keeps its half above it.
    CHECK(drawn.pixels.at(drawn.layout.x_of(1800), std::min(y, drawn.layout.plot.bottom - 1.5)) ==
          0xff0000);
  }
}

TEST_CASE("areas are filled from one to the other") {
  auto options = plain();
  options.area_mode = AreaMode::stacked;
  options.area_alpha = 1;
  Drawn const drawn(
      {series_of("a", std::vector<double>(60, 20)), series_of("b", std::vector<double>(60, 60))},
      options);
  CHECK(drawn.at(1800, 10) == 0xff0000);
  CHECK(drawn.at(1800, 50) == 0x00ff00);
  CHECK(drawn.at(1800, 79) == 0x00ff00);
  CHECK(drawn.layout.left.top >= 80);
}

TEST_CASE("an area keeps its colour where a later one would cover it") {
  auto options = plain();
  options.area_mode = AreaMode::all;
  options.area_alpha = 0.5;
  Drawn const drawn(
      {series_of("a", std::vector<double>(60, 40)), series_of("b", std::vector<double>(60, 80))},
      options);
  CHECK(drawn.at(1800, 20) == 0xff7f7f);  // half of its own on white, nothing of the second
  CHECK(drawn.at(1800, 60) == 0x7fff7f);
  CHECK(drawn.at(1800, 80) == 0x00ff00);
}

TEST_CASE("negative areas hang from 0") {
  auto options = plain();
  options.area_mode = AreaMode::all;
  options.area_alpha = 1;
  Drawn const drawn(
      {series_of("a", std::vector<double>(60, -50)), series_of("b", std::vector<double>(60, 100))},
      options);
  CHECK(drawn.at(1800, -25) == 0xff0000);
  CHECK(drawn.at(1800, 50) == 0x00ff00);
}

TEST_CASE("a series on the second axis follows its scale") {
  auto right = series_of("right", std::vector<double>(60, 1'000'000));
  right.values[0] = 0;
  right.drawing.second_y_axis = true;
  auto left = series_of("left", std::vector<double>(60, 1));
  left.values[0] = 2;
  Drawn const drawn({left, right}, plain());
  CHECK(drawn.at(1800, 1) == 0xff0000);
  CHECK(drawn.at(1800, 1'000'000, true) == 0x00ff00);
}

TEST_CASE("what drawAsInfinite marks stands over the whole height") {
  std::vector<double> values(60, absent);
  values[29] = 1;
  values[39] = 0;
  auto marks = series_of("deploys", values);
  marks.drawing.infinite = true;
  auto options = plain();
  Drawn const drawn({series_of("a", std::vector<double>(60, 50)), marks}, options);
  auto const& plot = drawn.layout.plot;
  for (double const y : {plot.top + 3, plot.bottom - 3}) {
    CHECK(drawn.pixels.at(drawn.layout.x_of(1800), y) == 0x00ff00);
    CHECK(drawn.pixels.at(drawn.layout.x_of(2400), y) == 0xffffff);  // a 0 is no mark
  }
}

TEST_CASE("colours, thresholds and spans are where they were asked for") {
  auto options = plain();
  options.theme.background = rgb(0x102030);
  options.theme.crit = rgb(0xff00ff);
  options.thresholds = {{80, "", Role::crit}};
  options.spans = {{1200, 2400, Role::crit}};
  Drawn const drawn({series_of("a", std::vector<double>(60, 50))}, options);
  CHECK(drawn.pixels.at(0, 0) == 0x102030);
  CHECK(drawn.pixels.at(599, 299) == 0x102030);
  CHECK(drawn.at(600, 70) == 0x102030);
  CHECK(drawn.at(1800, 70) != 0x102030);  // shaded
  int dashes = 0;
  for (int second = 300; second < 1200; second += 5) dashes += drawn.at(second, 80) == 0xff00ff;
  CHECK(dashes > 90);  // two thirds of 180
  CHECK(dashes < 150);
}

TEST_CASE("a picture for dense screens has twice the pixels and the same layout") {
  auto options = plain();
  options.scale = 2;
  SeriesList const series{series_of("a", std::vector<double>(60, 50))};
  Pixels const pixels(draw_png(series, hour, options).value());
  CHECK(pixels.width() == 1200);
  CHECK(pixels.height() == 600);
  auto const layout = make_layout(series, hour, options, cairo_text_width());
  CHECK(pixels.at(layout.x_of(1800) * 2, layout.y_of(50, false) * 2) == 0xff0000);
}

TEST_CASE("pictures of nothing and of any size are drawn") {
  for (auto const& [width, height] :
       {std::pair(1, 1), std::pair(1, 4096), std::pair(4096, 1), std::pair(37, 19)}) {
    PictureOptions options;
    options.width = width;
    options.height = height;
    for (auto const& series :
         {SeriesList{}, SeriesList{series_of("a", {1})}, SeriesList{series_of("b", {absent})}}) {
      auto const png = draw_png(series, hour, options);
      REQUIRE(png);
      CHECK(Pixels(*png).width() == width);
      CHECK(Pixels(*png).height() == height);
    }
  }
  // "No data" is ink on the ground.
  PictureOptions options;
  Pixels const pixels(draw_png({}, hour, options).value());
  int ink = 0;
  for (int x = 100; x < 230; ++x) ink += 250 - pixels.count(x, 0, 250, 0xffffff);
  CHECK(ink > 200);
}

TEST_CASE("a size out of range is refused") {
  for (auto const& [width, height, scale] :
       {std::tuple(0, 250, 1.0), std::tuple(330, 4097, 1.0), std::tuple(-5, 5, 1.0),
        std::tuple(4096, 250, 2.0), std::tuple(330, 250, 0.0),
        std::tuple(330, 250, std::nan(""))}) {
    PictureOptions options;
    options.width = width;
    options.height = height;
    options.scale = scale;
    auto const refused = draw_png({}, hour, options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::malformed);
    CHECK(refused.error().context.find("4096") != std::string::npos);
  }
}

TEST_CASE("any name is drawn, and none becomes markup") {
  std::string const evil = "</svg><script>alert(1)</script>&\"'\xff\xfe\x01\n\xE4\xB8\xAD";
  PictureOptions options;
  options.title = evil;
  options.left.title = evil;
  options.thresholds = {{1, evil, Role::warn}};
  options.font_name = evil;
  SeriesList const series{series_of(evil, {1, 2, 3})};
  auto const svg = draw_svg(series, hour, options);
  REQUIRE(svg);
  CHECK(svg->starts_with("<?xml"));
  CHECK(svg->find("</svg>") == svg->size() - 7);  // once, at the end, with a line feed
  CHECK(svg->find("<script") == std::string::npos);
  CHECK(svg->find("width=\"330px\"") != std::string::npos);
  CHECK(draw_png(series, hour, options));
}

TEST_CASE("the same picture has the same bytes each time") {
  auto options = plain();
  options.area_mode = AreaMode::all;
  options.title = "title";
  SeriesList const series{series_of("a", {1, 2, 3}), series_of("b", {3, 2, 1})};
  CHECK(draw_svg(series, hour, options).value() == draw_svg(series, hour, options).value());
  CHECK(draw_png(series, hour, options).value() == draw_png(series, hour, options).value());
}

TEST_CASE("strange strokes are drawn as whole lines") {
  auto odd = series_of("a", std::vector<double>(60, 50));
  for (auto const& dashes :
       {std::vector<double>{0, 0}, std::vector<double>{-1, 3}, std::vector<double>{HUGE_VAL}}) {
    odd.drawing.dashes = dashes;
    Drawn const drawn({odd}, plain());
    CHECK(drawn.at(1800, 50) == 0xff0000);
  }
}

TEST_CASE("pictures drawn by several threads are those of one") {
  SeriesList const series{series_of("a", {1, 3, absent, 2}), series_of("b", {2, 2, 2, 9})};
  PictureOptions options;
  options.title = "title";
  auto const alone = draw_png(series, hour, options).value();
  std::vector<std::string> drawn(8);
  {
    std::vector<std::jthread> threads;
    for (auto& one : drawn) {
      threads.emplace_back([&] { one = draw_png(series, hour, options).value(); });
    }
  }
  for (auto const& one : drawn) CHECK(one == alone);
}

TEST_CASE("a thousand series are quick") {
  SeriesList series;
  for (int i = 0; i < 1000; ++i) {
    std::vector<double> values;
    for (int j = 0; j < 2160; ++j) values.push_back(i + 50 * std::sin(j / 30.0 + i));
    series.push_back(series_of("s" + std::to_string(i), values, 10, 10));
  }
  PictureOptions options;
  options.width = 1600;
  options.height = 600;
  auto const begin = std::chrono::steady_clock::now();
  REQUIRE(draw_png(series, {0, 21600, 21600}, options));
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
  WARN("1,000 series of 2,160 points at 1600x600: " << took.count() << " s");
  CHECK(took.count() < 30);  // unoptimised, on a busy machine; about a second when built to last
}

TEST_CASE("nothing of a picture is seen in the next one") {
  auto dark = plain();
  dark.theme.background = rgb(0x000000);
  auto glassy = plain();
  glassy.width = 300;
  glassy.theme.background = rgb(0xffffff).with_alpha(0.5);
  SeriesList const series{series_of("a", std::vector<double>(60, 50))};
  std::string first, second;
  std::thread([&] { first = draw_png(series, hour, glassy).value(); }).join();
  std::thread([&] {
    CHECK(draw_png(series, hour, dark).has_value());
    second = draw_png(series, hour, glassy).value();
  }).join();
  CHECK(first == second);
}
