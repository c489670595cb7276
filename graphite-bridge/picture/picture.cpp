#include "graphite-bridge/picture/picture.hpp"

#include <fmt/format.h>

#include "graphite-bridge/picture/canvas.hpp"
#include "graphite-bridge/picture/layout.hpp"
#include "graphite-bridge/picture/painter.hpp"
#include "graphite-bridge/picture/pie_painter.hpp"

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

Result<std::string> draw(SeriesList const& series, Window const& window,
                         PictureOptions const& options, Canvas::Kind kind) {
  if (auto const good = check_size(options); !good) return good.error();
  auto canvas = Canvas::make(kind, options.width, options.height, options.scale);
  if (!canvas) return canvas.error();
  if (options.graph_type == GraphType::pie) {
    paint(*canvas, make_pie(series, window, options, cairo_text_width()), options);
  } else {
    paint(*canvas, make_layout(series, window, options, cairo_text_width()), options);
  }
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
