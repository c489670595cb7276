#include "graphite-bridge/picture/theme.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>

using namespace dadvisor::graphite::picture;

namespace {

using Triple = std::array<double, 3>;
using Matrix = std::array<Triple, 3>;

double linear(double part) {
  return part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
}

Triple times(Matrix const& matrix, Triple const& vector) {
  Triple out{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < 3; ++i) out[row] += matrix[row][i] * vector[i];
  }
  return out;
}

// How eyes see: as they are, without the long and without the middle cones (Machado 2009).
constexpr std::array<Matrix, 3> eyes{{
    {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
    {{{0.152286, 1.052583, -0.204868},
      {0.114503, 0.786281, 0.099216},
      {-0.003882, -0.048116, 1.051998}}},
    {{{0.367322, 0.860646, -0.227968},
      {0.280085, 0.672501, 0.047413},
      {-0.011820, 0.042940, 0.968881}}},
}};

Triple seen(Color const& color, Matrix const& eye) {  // in OKLab
  auto const rgb_seen = times(eye, {linear(color.red), linear(color.green), linear(color.blue)});
  auto cones =
      times({{{0.4122214708, 0.5363325363, 0.0514459929},
              {0.2119034982, 0.6806995451, 0.1073969566},
              {0.0883024619, 0.2817188376, 0.6299787005}}},
            {std::max(rgb_seen[0], 0.0), std::max(rgb_seen[1], 0.0), std::max(rgb_seen[2], 0.0)});
  for (auto& cone : cones) cone = std::cbrt(cone);
  return times({{{0.2104542553, 0.7936177850, -0.0040720468},
                 {1.9779984951, -2.4285922050, 0.4505937099},
                 {0.0259040371, 0.7827717662, -0.8086757660}}},
               cones);
}

double contrast(Color const& a, Color const& b) {  // WCAG 2
  auto const luminance = [](Color const& color) {
    return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
  };
  double const high = std::max(luminance(a), luminance(b)),
               low = std::min(luminance(a), luminance(b));
  return (high + 0.05) / (low + 0.05);
}

}  // namespace

TEST_CASE("ten colours are told apart by all eyes and from their ground") {
  for (auto const& theme : {light_theme(), dark_theme()}) {
    REQUIRE(theme.line.size() >= 10);
    for (auto const& eye : eyes) {
      for (std::size_t i = 0; i < theme.line.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          auto const a = seen(theme.line[i], eye), b = seen(theme.line[j], eye);
          INFO(i << " and " << j);
          CHECK(std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) > 0.06);
        }
      }
    }
    for (auto const& color : theme.line) CHECK(contrast(color, theme.background) > 2.7);
    CHECK(contrast(theme.foreground, theme.background) > 7);
    CHECK(contrast(theme.quiet, theme.background) > 4.5);
    for (auto const role : {Role::info, Role::warn, Role::crit}) {
      CHECK(contrast(theme.of(role), theme.background) > 4);
    }
  }
}

TEST_CASE("themes are found by name") {
  CHECK(find_theme("light")->line == light_theme().line);
  CHECK(find_theme("dark")->background == dark_theme().background);
  CHECK(find_theme("solarized-dark")->background == rgb(0x002b36));
  CHECK(find_theme("solarized-dark")->line.size() == 8);
  CHECK(find_theme("lava2")->line.front() == rgb(0x99000d));
  CHECK_FALSE(find_theme("nosuch"));
  CHECK(template_theme("noc").background == rgb(0x000000));
  for (auto const* name : {"default", "plain", "nosuch", ""}) {
    INFO(name);  // graphite-web's own default: blue, green, red on white
    CHECK(template_theme(name).background == rgb(0xffffff));
    CHECK(template_theme(name).foreground == rgb(0x000000));
    CHECK(template_theme(name).line.at(0) == rgb(0x6464ff));
    CHECK(template_theme(name).line.at(1) == rgb(0x00c800));
    CHECK(template_theme(name).line.size() == 12);
  }
}

TEST_CASE("colours are read as graphite-web writes them") {
  CHECK(parse_color("red") == rgb(0xc80032));
  CHECK(parse_color("ff8000") == rgb(0xff8000));
  CHECK(parse_color("#ff8000") == rgb(0xff8000));
  CHECK(parse_color("%23ff8000") == rgb(0xff8000));
  CHECK(parse_color("ff800080")->alpha == Approx(128.0 / 255));
  for (auto const* wrong : {"", "ff80", "gggggg", "ff80001", "-12345", "#", "Red"}) {
    INFO(wrong);
    CHECK_FALSE(parse_color(wrong));
  }
}
