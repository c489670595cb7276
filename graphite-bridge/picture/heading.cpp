#include "graphite-bridge/picture/heading.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace dadvisor::graphite::picture {
namespace {

std::vector<std::string> lines_of(std::string_view title) {
  std::vector<std::string> out;
  while (!title.empty()) {
    auto const end = title.find('\n');
    out.push_back(clean_text(title.substr(0, end)));
    title = end == std::string_view::npos ? std::string_view() : title.substr(end + 1);
  }
  return out;
}

}  // namespace

Heading make_heading(std::string const& title, Box const& sheet, Font const& usual,
                     TextWidth const& measure) {
  Heading out;
  out.font = usual;
  out.font.size = std::round(usual.size * 1.2 * 2) / 2;
  out.font.bold = true;
  double const largest = out.font.size;
  auto const lines = lines_of(title);
  for (auto const& line : lines) {
    double const width = measure(line, out.font);
    if (width <= sheet.width()) continue;
    double const fitting = std::floor(out.font.size * sheet.width() / width * 2) / 2;
    out.font.size = std::clamp(fitting, std::min(usual.size, largest), largest);
  }
  for (auto const& line : lines) {
    out.lines.push_back({elided(line, sheet.width(), out.font, measure),
                         (sheet.left + sheet.right) / 2,
                         sheet.top + out.height + out.font.size * 0.9,
                         Align::center,
                         {}});
    out.height += out.font.size * 1.3;
  }
  if (!lines.empty()) out.height += usual.size * 0.4;
  return out;
}

Font usual_font(PictureOptions const& options) {
  Font out{options.font_name, 0, options.font_bold, options.font_italic};
  double const room = std::min(options.width, 2 * options.height);
  out.size = options.font_size.value_or(
      std::round(std::clamp(10 + (room - 330) / 300, 10.0, 12.0) * 2) / 2);
  return out;
}

Box sheet_within(PictureOptions const& options, bool bare) {
  double const usual = options.width < 160 || options.height < 100 ? 4 : 10;
  double const margin = bare ? 0 : options.margin.value_or(usual);
  auto const width = static_cast<double>(options.width);
  auto const height = static_cast<double>(options.height);
  double const x = std::min(margin, width / 2), y = std::min(margin, height / 2);
  return {x, y, width - x, height - y};
}

}  // namespace dadvisor::graphite::picture
