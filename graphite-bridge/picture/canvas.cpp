#include "graphite-bridge/picture/canvas.hpp"

#include <cairo-pdf.h>
#include <cairo-svg.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "graphite-bridge/picture/png.hpp"

namespace dadvisor::graphite::picture {
namespace {

cairo_status_t append_bytes(void* closure, unsigned char const* data, unsigned int length) {
  try {
    static_cast<std::string*>(closure)->append(reinterpret_cast<char const*>(data), length);
  } catch (std::exception const&) {  // no memory; it must not cross cairo's C
    return CAIRO_STATUS_NO_MEMORY;
  }
  return CAIRO_STATUS_SUCCESS;
}

// cairo numbers its surfaces over the whole process and writes that into the file, where nothing
// refers to it; the same picture must have the same bytes, or no ETag would ever fit.
void drop_surface_numbers(std::string& svg) {
  constexpr std::string_view name = " id=\"surface";
  for (auto at = svg.find(name); at != std::string::npos; at = svg.find(name, at)) {
    svg.erase(at, svg.find('"', at + name.size()) + 1 - at);
  }
}

Error cairo_error(cairo_status_t status) {
  return Error{Errc::io, 0, std::string("cairo: ") + cairo_status_to_string(status)};
}

// Widths must not depend on the kind of surface or its scale: a picture has one layout.
void set_text_quality(cairo_t* context) {
  auto* const quality = cairo_font_options_create();
  cairo_font_options_set_antialias(quality, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(quality, CAIRO_HINT_STYLE_SLIGHT);
  cairo_font_options_set_hint_metrics(quality, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(context, quality);
  cairo_font_options_destroy(quality);
}

}  // namespace

TextWidth cairo_text_width() {
  std::shared_ptr<cairo_surface_t> const surface(cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1),
                                                 cairo_surface_destroy);
  std::shared_ptr<cairo_t> const context(cairo_create(surface.get()), cairo_destroy);
  set_text_quality(context.get());
  return [context, faces = std::make_shared<Typefaces>()](std::string_view text, Font const& font) {
    faces->select(context.get(), font);
    return faces->width(context.get(), clean_text(text));
  };
}

Result<Canvas> Canvas::make(Kind kind, int width, int height, double scale) {
  Canvas out;
  out.kind_ = kind;
  out.scale_ = scale;
  if (kind == Kind::png) {
    auto const columns = static_cast<int>(std::lround(width * scale));
    auto const rows = static_cast<int>(std::lround(height * scale));
    int const stride = cairo_format_stride_for_width(CAIRO_FORMAT_ARGB32, columns);
    out.pixels_ = PixelMemory(static_cast<std::size_t>(stride) * static_cast<std::size_t>(rows));
    out.surface_.reset(cairo_image_surface_create_for_data(
        out.pixels_.data(), CAIRO_FORMAT_ARGB32, columns, rows, stride));
  } else if (kind == Kind::pdf) {
    out.surface_.reset(cairo_pdf_surface_create_for_stream(append_bytes, out.stream_.get(),
                                                           width * scale, height * scale));
    // Else the time of the drawing, and no two files of the same picture would be the same.
    cairo_pdf_surface_set_metadata(out.surface_.get(), CAIRO_PDF_METADATA_CREATE_DATE, "");
  } else {
    out.surface_.reset(cairo_svg_surface_create_for_stream(append_bytes, out.stream_.get(),
                                                           width * scale, height * scale));
    cairo_svg_surface_set_document_unit(out.surface_.get(), CAIRO_SVG_UNIT_PX);
  }
  out.context_.reset(cairo_create(out.surface_.get()));
  auto const status = cairo_status(out.context_.get());
  if (status != CAIRO_STATUS_SUCCESS) return cairo_error(status);
  cairo_scale(out.context_.get(), scale, scale);
  set_text_quality(out.context_.get());
  return out;
}

double Canvas::crisp(double position) const {
  return (std::floor(position * scale_) + 0.5) / scale_;
}

void Canvas::set_color(Color const& color) {
  cairo_set_source_rgba(context(), color.red, color.green, color.blue, color.alpha);
}

void Canvas::set_font(Font const& font) { faces_.select(context(), font); }

double Canvas::width(std::string_view text) { return faces_.width(context(), clean_text(text)); }

void Canvas::text(std::string_view text, double x, double baseline, Align align) {
  auto const clean = clean_text(text);
  double const width = align == Align::left ? 0 : faces_.width(context(), clean);
  double const shift = align == Align::right ? width : width / 2;
  // Letters begin at whole pixels of the ground, or each label would look a little different.
  cairo_move_to(context(), align == Align::left ? x : x - shift,
                std::round(baseline * scale_) / scale_);
  faces_.show(context(), clean);
  cairo_new_path(context());
}

void Canvas::vertical_text(std::string_view text, double x_baseline, double y) {
  turned_text(text, std::round(x_baseline * scale_) / scale_, y, -std::numbers::pi / 2, 0);
}

void Canvas::turned_text(std::string_view text, double x, double y, double angle, double baseline) {
  auto const clean = clean_text(text);
  double const width = faces_.width(context(), clean);
  cairo_save(context());
  cairo_translate(context(), x, y);
  cairo_rotate(context(), angle);
  cairo_move_to(context(), -width / 2, baseline);
  faces_.show(context(), clean);
  cairo_new_path(context());
  cairo_restore(context());
}

void Canvas::set_dashes(std::vector<double> const& dashes) {
  bool const good = std::all_of(dashes.begin(), dashes.end(),
                                [](double one) { return std::isfinite(one) && one >= 0; }) &&
                    std::accumulate(dashes.begin(), dashes.end(), 0.0) > 0;
  cairo_set_dash(context(), good ? dashes.data() : nullptr,
                 good ? static_cast<int>(dashes.size()) : 0, 0);
}

Result<std::string> Canvas::finish() {
  auto status = cairo_status(context());
  if (status != CAIRO_STATUS_SUCCESS) return cairo_error(status);
  if (kind_ == Kind::png) {
    cairo_surface_flush(surface_.get());
    return encode_png(surface_.get());
  }
  context_.reset();
  cairo_surface_finish(surface_.get());
  status = cairo_surface_status(surface_.get());
  if (status != CAIRO_STATUS_SUCCESS) return cairo_error(status);
  std::string out = std::move(*stream_);
  if (kind_ == Kind::svg) drop_surface_numbers(out);
  return out;
}

}  // namespace dadvisor::graphite::picture
