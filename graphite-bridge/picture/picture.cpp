#include "graphite-bridge/picture/picture.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "graphite-bridge/picture/canvas.hpp"
#include "graphite-bridge/picture/layout.hpp"
#include "graphite-bridge/picture/painter.hpp"
#include "graphite-bridge/picture/pie_painter.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::graphite::picture {
namespace {

Result<void> check_size(PictureOptions const& options) {
  auto const fits = [&](int size) { return size >= 1 && size * options.scale <= max_size; };
  if (!(options.scale > 0) || !fits(options.width) || !fits(options.height)) {
    return Error{Errc::malformed, 0,
                 fmt::format("width and height: must be 1 to {} pixels", max_size)};
  }
  return {};
}

// About how much memory it takes: the sheet, and of each point drawn its value, time and place, and
// what becomes of it in a file of lines.
std::size_t bytes_of(SeriesList const& series, PictureOptions const& options, Canvas::Kind kind) {
  std::size_t const a_point = kind == Canvas::Kind::png ? 32 : 80;
  auto const most = static_cast<std::size_t>(2 * options.width);
  std::size_t points = 0;
  for (auto const& one : series) points += std::min(one.values.size(), most);
  auto const sheet = options.width * options.scale * options.height * options.scale * 4;
  return points * a_point +
         (kind == Canvas::Kind::png ? static_cast<std::size_t>(sheet) : std::size_t{0});
}

Result<std::string> draw(SeriesList const& series, Window const& window,
                         PictureOptions const& options, Canvas::Kind kind) {
  if (auto const good = check_size(options); !good) return good.error();
  if (auto const room = room_for(window.budget, bytes_of(series, options, kind)); !room)
    return room.error();
  auto canvas = Canvas::make(kind, options.width, options.height, options.scale);
  if (!canvas) return canvas.error();
  if (options.graph_type == GraphType::pie) {
    paint(*canvas, make_pie(series, window, options, cairo_text_width()), options);
  } else {
    paint(*canvas, make_layout(series, window, options, cairo_text_width()), options,
          window.budget);
  }
  if (auto const whole = go_on(window.budget); !whole) return whole.error();
  return canvas->finish();
}

}  // namespace

Result<std::string> draw_png(SeriesList const& series, Window const& window,
                             PictureOptions const& options) {
  return draw(series, window, options, Canvas::Kind::png);
}

Result<std::string> draw_svg(SeriesList const& series, Window const& window,
                             PictureOptions const& options) {
  return draw(series, window, options, Canvas::Kind::svg);
}

Result<std::string> draw_pdf(SeriesList const& series, Window const& window,
                             PictureOptions const& options) {
  return draw(series, window, options, Canvas::Kind::pdf);
}

}  // namespace dadvisor::graphite::picture
