#pragma once
// The colours of a whole picture: our own light and dark look, and those that dashboards made for
// graphite-web ask for by `template`. Pure values, any thread.

#include <optional>
#include <string_view>
#include <vector>

#include "graphite-bridge/picture/color.hpp"

namespace dadvisor::graphite::picture {

// What a line, a span or a mark means.
enum class Role { info, warn, crit };

struct Theme {
  Color background;
  Color foreground;         // title, names
  Color quiet;              // labels of axes, "No data"
  Color axis;               // the line below the plot
  Color major_line;         // grid at labels
  Color minor_line;         // grid between them
  std::vector<Color> line;  // of series, in turn; never empty
  Color info, warn, crit;

  Color of(Role role) const;
};

Theme light_theme();
Theme dark_theme();
// "light", "dark" and the templates of graphite-web's example file ("noc", "solarized-dark", ...).
// Absent when there is none of that name.
std::optional<Theme> find_theme(std::string_view name);
// A template of that file; of a name that is not in it the file's "default", as in graphite-web.
Theme template_theme(std::string_view name);
// `theme` with another ground and ink, and what is between them mixed from these.
Theme recolored(Theme theme, std::optional<Color> background, std::optional<Color> foreground);

}  // namespace dadvisor::graphite::picture
