#include "graphite-bridge/picture/theme.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace dadvisor::graphite::picture {
namespace {

struct Template {
  std::string_view name;
  std::string_view background, foreground, major_line, minor_line;
  std::string_view lines;  // comma between them
};

constexpr std::string_view classic_lines =
    "blue,green,red,purple,brown,yellow,aqua,grey,magenta,pink,gold,rose";
constexpr std::string_view solarized_lines =
    "268bd2aa,859900aa,dc322faa,d33682aa,db4b16aa,b58900aa,2aa198aa,6c71c4aa";

// graphite-web's graphTemplates.conf.example; its "default" first. A summary's ink there is black
// on black.
constexpr std::array templates{
    Template{"default", "white", "black", "rose", "grey", classic_lines},
    Template{"plain", "white", "black", "rose", "grey", classic_lines},
    Template{"solarized-light", "fdf6e3", "657b83", "073642", "586e75", solarized_lines},
    Template{"solarized-dark", "002b36", "839496", "fdf6e3", "eee8d5", solarized_lines},
    Template{"classic", "black", "white", "white", "grey", classic_lines},
    Template{"noc", "black", "white", "white", "grey",
             "blue,green,red,yellow,purple,brown,aqua,grey,magenta,pink,gold,rose"},
    Template{"summary", "black", "white", "white", "grey", "6666ff,66ff66,ff6666"},
    Template{"alphas", "white", "black", "grey", "rose", "00ff00aa,ff000077,00337799"},
    Template{"grafana", "white", "black", "rose", "grey",
             "7eb26d,eab839,6ed0e0,ef843c,e24d42,1f78c1,ba43a9,705da0,508642,cca300,447ebc"},
    Template{"ocean1", "white", "black", "rose", "grey",
             "f7fcf0,e0f3db,ccebc5,a8ddb5,7bccc4,4eb3d3,2b8cbe,0868ac,084081"},
    Template{"ocean2", "white", "black", "rose", "grey",
             "084081,0868ac,2b8cbe,4eb3d3,7bccc4,a8ddb5,ccebc5,e0f3db,f7fcf0"},
    Template{"forest1", "white", "black", "rose", "grey",
             "f7fcf5,e5f5e0,c7e9c0,a1d99b,74c476,41ab5d,238b45,005a32"},
    Template{"forest2", "white", "black", "rose", "grey",
             "005a32,238b45,41ab5d,74c476,a1d99b,c7e9c0,e5f5e0,f7fcf5"},
    Template{"sunset1", "white", "black", "rose", "grey",
             "fff5eb,fee6ce,fdd0a2,fdae6b,fd8d3c,f16913,d94801,8c2d04"},
    Template{"sunset2", "white", "black", "rose", "grey",
             "8c2d04,d94801,f16913,fd8d3c,fdae6b,fdd0a2,fee6ce,fff5eb"},
    Template{"moonlight1", "white", "black", "rose", "grey",
             "fcfbfd,efedf5,dadaeb,bcbddc,9e9ac8,807dba,6a51a3,4a1486"},
    Template{"moonlight2", "white", "black", "rose", "grey",
             "4a1486,6a51a3,807dba,9e9ac8,bcbddc,dadaeb,efedf5,fcfbfd"},
    Template{"lava1", "white", "black", "rose", "grey",
             "fff5f0,fee0d2,fcbba1,fc9272,fb6a4a,ef3b2c,cb181d,99000d"},
    Template{"lava2", "white", "black", "rose", "grey",
             "99000d,cb181d,ef3b2c,fb6a4a,fc9272,fcbba1,fee0d2,fff5f0"},
};

std::vector<Color> colors_of(std::string_view list) {
  std::vector<Color> out;
  while (!list.empty()) {
    auto const comma = list.find(',');
    if (auto const color = parse_color(list.substr(0, comma))) out.push_back(*color);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return out;
}

bool is_dark(Color const& color) {
  return 0.2126 * color.red + 0.7152 * color.green + 0.0722 * color.blue < 0.4;
}

Theme theme_of(Template const& from) {
  auto const background = *parse_color(from.background);
  auto out = recolored(is_dark(background) ? dark_theme() : light_theme(), background,
                       parse_color(from.foreground));
  // Their grid colours were meant for lines of a third of a pixel.
  out.major_line = parse_color(from.major_line)->over(background, 0.35);
  out.minor_line = parse_color(from.minor_line)->over(background, 0.2);
  out.line = colors_of(from.lines);
  return out;
}

}  // namespace

Color Theme::of(Role role) const {
  return role == Role::crit ? crit : role == Role::warn ? warn : info;
}

Theme light_theme() {
  Theme out;
  out.background = rgb(0xffffff);
  out.foreground = rgb(0x1f2933);
  out.quiet = rgb(0x5f6b7a);
  out.axis = rgb(0xb4bcc6);
  out.major_line = rgb(0xe6e9ed);
  out.minor_line = rgb(0xf2f4f6);
  // Told apart by eyes of all kinds: the least difference of two is 0.06 in OKLab, also as
  // protanopes and deuteranopes see them, and each stands out from its ground.
  out.line = colors_of("0072b2,d55e00,009e73,e275b0,7d1512,46a0ea,26266e,77444c,1f6b75,5673f0");
  out.info = rgb(0x3b6fb6);
  out.warn = rgb(0xb36b00);
  out.crit = rgb(0xc62828);
  return out;
}

Theme dark_theme() {
  Theme out;
  out.background = rgb(0x15191f);
  out.foreground = rgb(0xe4e8ed);
  out.quiet = rgb(0x9aa5b1);
  out.axis = rgb(0x56616e);
  out.major_line = rgb(0x2a3038);
  out.minor_line = rgb(0x20252c);
  out.line = colors_of("4aa8ff,ff9447,2fcf9f,f3a8d6,f4ea4a,5a78d8,b3fafe,b9542a,6f8f96,ff5470");
  out.info = rgb(0x6fa8ff);
  out.warn = rgb(0xffb547);
  out.crit = rgb(0xff6b6b);
  return out;
}

std::optional<Theme> find_theme(std::string_view name) {
  if (name == "light") return light_theme();
  if (name == "dark") return dark_theme();
  for (auto const& one : templates) {
    if (one.name == name) return theme_of(one);
  }
  return std::nullopt;
}

Theme template_theme(std::string_view name) {
  auto const found = std::find_if(templates.begin(), templates.end(),
                                  [&](Template const& one) { return one.name == name; });
  return theme_of(found == templates.end() ? templates.front() : *found);
}

Theme recolored(Theme theme, std::optional<Color> background, std::optional<Color> foreground) {
  if (!background && !foreground) return theme;
  theme.background = background.value_or(theme.background);
  theme.foreground = foreground.value_or(theme.foreground);
  theme.quiet = theme.foreground.over(theme.background, 0.7);
  theme.axis = theme.foreground.over(theme.background, 0.4);
  theme.major_line = theme.foreground.over(theme.background, 0.14);
  theme.minor_line = theme.foreground.over(theme.background, 0.07);
  return theme;
}

}  // namespace dadvisor::graphite::picture
