#include "graphite-bridge/picture/pie.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <random>
#include <set>

#include "graphite-bridge/picture/picture.hpp"
#include "letters.hpp"
#include "pixels.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;
using namespace dadvisor::graphite::picture;
using test::even_letters;
using test::Pixels;
using test::series_of;

namespace {

constexpr Window hour{0, 3600, 3600};
constexpr double pi = std::numbers::pi;

PictureOptions pie_options(int width = 400, int height = 300) {
  PictureOptions out;
  out.graph_type = GraphType::pie;
  out.width = width;
  out.height = height;
  return out;
}

Pie pie_of(SeriesList const& series, PictureOptions const& options = pie_options()) {
  return make_pie(series, hour, options, even_letters);
}

Box box_of(Pie const& pie, SliceLabel const& label) {
  double const width = even_letters(label.text, pie.font), height = pie.font.size;
  double const c = std::fabs(std::cos(label.angle)), s = std::fabs(std::sin(label.angle));
  double const across = (width * c + height * s) / 2, down = (width * s + height * c) / 2;
  return {label.x - across, label.y - down, label.x + across, label.y + down};
}

bool overlap(Box const& a, Box const& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

}  // namespace

TEST_CASE("a slice is as large as its share, and they go clockwise from the top") {
  auto const pie = pie_of({series_of("a", {1, 3}), series_of("b", {5, 7}), series_of("c", {8})});
  REQUIRE(pie.slices.size() == 3);  // 2, 6 and 8 of 16
  CHECK(pie.slices[0].share == Approx(0.125));
  CHECK(pie.slices[1].share == Approx(0.375));
  CHECK(pie.slices[2].share == Approx(0.5));
  CHECK(pie.slices[0].from == Approx(-pi / 2));
  CHECK(pie.slices[0].until == Approx(-pi / 4));
  CHECK(pie.slices[1].from == Approx(-pi / 4));
  CHECK(pie.slices[1].until == Approx(pi / 2));
  CHECK(pie.slices[2].until == Approx(pi * 1.5));
}

TEST_CASE("pieMode takes the average, the greatest or the least of the known values") {
  SeriesList const series{series_of("a", {1, absent, 5}), series_of("b", {3, 3})};
  auto const value = [&](PieMode mode) {
    auto options = pie_options();
    options.pie.mode = mode;
    return pie_of(series, options).slices.at(0).value;
  };
  CHECK(value(PieMode::average) == 3);
  CHECK(value(PieMode::maximum) == 5);
  CHECK(value(PieMode::minimum) == 1);
}

TEST_CASE("what is no part of a whole has a name in the legend and no slice") {
  auto const pie = pie_of({series_of("gone", {absent}), series_of("less", {-5}),
                           series_of("none", {0}), series_of("one", {4})});
  REQUIRE(pie.slices.size() == 1);
  CHECK(pie.slices[0].curve == 3);
  CHECK(pie.slices[0].share == 1);
  CHECK(pie.legend.entries.size() == 4);
  CHECK(pie.message.empty());
  CHECK(pie_of({series_of("less", {-5})}).message == "No data");
  CHECK(pie_of({}).message == "No data");
}

TEST_CASE("the greatest of numbers still have shares") {
  auto const pie = pie_of({series_of("a", {1e308}), series_of("b", {1e308}),
                           series_of("c", {1e308}), series_of("d", {5e-324})});
  REQUIRE(pie.slices.size() == 4);
  CHECK(pie.slices[0].share == Approx(1.0 / 3));
  CHECK(pie.slices[3].share == 0);
  CHECK(pie.slices[2].until == Approx(pi * 1.5));
}

TEST_CASE("labels tell percent, values or nothing, from the least on that is asked for") {
  SeriesList const series{series_of("a", {2}), series_of("b", {38}), series_of("c", {60})};
  auto const texts = [&](ValueLabels labels, std::optional<double> least = {}) {
    auto options = pie_options();
    options.pie.labels = labels;
    options.pie.least = least;
    std::vector<std::string> out;
    for (auto const& label : pie_of(series, options).labels) out.push_back(label.text);
    return out;
  };
  using Texts = std::vector<std::string>;
  CHECK(texts(ValueLabels::percent) == Texts{"38.0%", "60.0%"});  // 2 is less than 5 percent
  CHECK(texts(ValueLabels::percent, 0) == Texts{"2.0%", "38.0%", "60.0%"});
  CHECK(texts(ValueLabels::percent, 50) == Texts{"60.0%"});
  CHECK(texts(ValueLabels::number) == Texts{"38", "60"});
  CHECK(texts(ValueLabels::number, 2) == Texts{"2", "38", "60"});
  CHECK(texts(ValueLabels::none).empty());
}

TEST_CASE("a label stands in its slice where that has room, else outside of the circle") {
  auto options = pie_options();
  options.pie.least = 0;
  auto const pie = pie_of({series_of("a", {2}), series_of("b", {98})}, options);
  REQUIRE(pie.labels.size() == 2);
  auto const distance = [&](SliceLabel const& label) {
    return std::hypot(label.x - pie.x, label.y - pie.y);
  };
  CHECK(!pie.labels[0].inside);
  CHECK(distance(pie.labels[0]) > pie.radius);
  CHECK(pie.labels[0].color == options.theme.foreground);
  CHECK(pie.labels[1].inside);
  CHECK(distance(pie.labels[1]) < pie.radius);
  double const angle = std::atan2(pie.labels[1].y - pie.y, pie.labels[1].x - pie.x);
  CHECK(angle == Approx(pie.slices[1].middle() - (pie.slices[1].middle() > pi ? 2 * pi : 0)));
}

TEST_CASE("rotated labels lie along the radius and are read from the left") {
  auto options = pie_options();
  options.pie.rotated = true;
  auto const pie = pie_of({series_of("right", {3}), series_of("left", {5})}, options);
  REQUIRE(pie.labels.size() == 2);
  double const right = pie.slices[0].middle(), left = pie.slices[1].middle();
  CHECK(std::cos(right) > 0);
  CHECK(std::cos(left) < 0);
  CHECK(pie.labels[0].angle == Approx(right));
  CHECK(pie.labels[1].angle == Approx(left - pi));
}

TEST_CASE("no label touches another, the circle's edge or the sheet's, whatever the values") {
  std::minstd_rand random(11);
  std::size_t outside = 0, inside = 0;
  for (int round = 0; round < 300; ++round) {
    int const width = std::uniform_int_distribution(60, 900)(random);
    int const height = std::uniform_int_distribution(60, 500)(random);
    auto options = pie_options(width, height);
    options.pie.least = 0;
    options.pie.rotated = round % 2 == 1;
    SeriesList series;
    auto const count = std::uniform_int_distribution(1, 40)(random);
    for (int i = 0; i < count; ++i) {
      auto const value = std::exponential_distribution(0.1)(random);
      series.push_back(series_of("series" + std::to_string(i), {value}));
    }
    auto const pie = pie_of(series, options);
    INFO("round " << round << ": " << width << "x" << height << ", " << count);
    std::vector<Box> boxes;
    for (auto const& label : pie.labels) {
      auto const box = box_of(pie, label);
      CHECK(box.left >= 0);
      CHECK(box.right <= width);
      CHECK(box.top >= 0);
      CHECK(box.bottom <= height);
      double const distance = std::hypot(label.x - pie.x, label.y - pie.y);
      CHECK((distance < pie.radius) == label.inside);
      (label.inside ? inside : outside) += 1;
      if (options.pie.rotated && label.inside) continue;  // turned boxes tell less than they hold
      for (auto const& other : boxes) CHECK(!overlap(box, other));
      boxes.push_back(box);
    }
    CHECK(pie.x - pie.radius >= 0);
    CHECK(pie.x + pie.radius <= width);
    CHECK(pie.y - pie.radius >= 0);
    CHECK(pie.y + pie.radius <= height);
    for (auto const& entry : pie.legend.entries) {
      bool const beside = entry.swatch.left > pie.x + pie.radius;
      bool const below = entry.swatch.top > pie.y + pie.radius;
      CHECK((beside || below));
    }
  }
  CHECK(outside > 100);
  CHECK(inside > 500);
}

TEST_CASE("the legend stands beside a wide pie and below others, and is never hidden unasked") {
  SeriesList series;
  for (int i = 0; i < 12; ++i) series.push_back(series_of("s" + std::to_string(i), {1}));
  auto const wide = pie_of(series, pie_options(600, 300));
  REQUIRE(wide.legend.entries.size() == 12);
  CHECK(wide.legend.entries[0].swatch.left > wide.x + wide.radius);
  for (auto const& entry : wide.legend.entries) {  // one column
    CHECK(entry.swatch.left == wide.legend.entries[0].swatch.left);
  }
  auto const square = pie_of(series, pie_options(400, 400));
  REQUIRE(square.legend.entries.size() == 12);
  CHECK(square.legend.entries[0].swatch.top > square.y + square.radius);
  auto options = pie_options();
  options.hide_legend = true;
  CHECK(pie_of(series, options).legend.entries.empty());
}

TEST_CASE("more slices than colours are told apart, the first and the last too") {
  for (auto const* theme : {"light", "dark"}) {
    auto options = pie_options();
    options.theme = *find_theme(theme);
    SeriesList series;
    for (int i = 0; i < 21; ++i) series.push_back(series_of("s" + std::to_string(i), {1}));
    std::set<std::tuple<double, double, double>> colors;
    for (auto const& curve : pie_of(series, options).curves) {
      colors.emplace(curve.color.red, curve.color.green, curve.color.blue);
    }
    CHECK(colors.size() == 21);
  }
}

TEST_CASE("slices have their colours on the picture, and the ground is seen between them") {
  auto options = pie_options(300, 300);
  options.colors = {rgb(0xff0000), rgb(0x00ff00)};
  options.pie.labels = ValueLabels::none;
  SeriesList series{series_of("a", {1}), series_of("b", {1}), series_of("c", {2})};
  series[2].drawing.color = "0000ff";  // color() holds here too
  auto const pie = make_pie(series, hour, options, cairo_text_width());
  Pixels const pixels(draw_png(series, hour, options).value());
  auto const at = [&](double angle, double part) {
    return pixels.at(pie.x + pie.radius * part * std::cos(angle),
                     pie.y + pie.radius * part * std::sin(angle));
  };
  for (double const part : {0.3, 0.9}) {
    CHECK(at(-pi / 4, part) == 0xff0000);
    CHECK(at(pi / 4, part) == 0x00ff00);
    CHECK(at(pi * 0.9, part) == 0x0000ff);
  }
  CHECK(at(-pi / 4, 1.1) == 0xffffff);
  CHECK(test::alike(at(0, 0.5), 0xffffff));  // the seam of red and green
}

TEST_CASE("labels on slices are black or white, whichever is legible, or as asked for") {
  auto options = pie_options();
  options.colors = {rgb(0xffff00), rgb(0x000080)};
  SeriesList const series{series_of("a", {1}), series_of("b", {1})};
  auto const pie = pie_of(series, options);
  REQUIRE(pie.labels.size() == 2);
  CHECK(pie.labels[0].color.red < 0.2);
  CHECK(pie.labels[1].color == rgb(0xffffff));
  options.pie.label_color = rgb(0xff0000);
  CHECK(pie_of(series, options).labels.at(0).color == rgb(0xff0000));
}

TEST_CASE("areaAlpha lets the ground through") {
  auto options = pie_options(300, 300);
  options.colors = {rgb(0xff0000)};
  options.area_alpha = 0.5;
  options.pie.labels = ValueLabels::none;
  SeriesList const series{series_of("a", {1})};
  auto const pie = make_pie(series, hour, options, cairo_text_width());
  Pixels const pixels(draw_png(series, hour, options).value());
  CHECK(test::alike(pixels.at(pie.x + 9, pie.y + 9), 0xff8080));
}

TEST_CASE("a pie is drawn as PNG, SVG and PDF, and says when there is nothing") {
  auto options = pie_options();
  options.title = "Shares";
  for (auto const& series : {SeriesList{}, SeriesList{series_of("a", {1})}}) {
    CHECK(draw_png(series, hour, options).value().starts_with("\x89PNG"));
    CHECK(draw_svg(series, hour, options).value().find("<svg") != std::string::npos);
    CHECK(draw_pdf(series, hour, options).value().starts_with("%PDF"));
  }
  CHECK(draw_png({}, hour, pie_options(1, 1)));
}
