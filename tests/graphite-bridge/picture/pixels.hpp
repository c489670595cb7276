#pragma once
// A decoded PNG, and how much two of them differ.

#include <cairo.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dadvisor::graphite::picture::test {

class Pixels {
 public:
  explicit Pixels(std::string const& png) : rest_(png) {
    surface_ = cairo_image_surface_create_from_png_stream(
        [](void* closure, unsigned char* data, unsigned int length) {
          auto& rest = static_cast<Pixels*>(closure)->rest_;
          if (rest.size() < length) return CAIRO_STATUS_READ_ERROR;
          std::memcpy(data, rest.data(), length);
          rest.remove_prefix(length);
          return CAIRO_STATUS_SUCCESS;
        },
        this);
    REQUIRE(cairo_surface_status(surface_) == CAIRO_STATUS_SUCCESS);
  }
  ~Pixels() { cairo_surface_destroy(surface_); }
  Pixels(Pixels const&) = delete;
  Pixels& operator=(Pixels const&) = delete;

  int width() const { return cairo_image_surface_get_width(surface_); }
  int height() const { return cairo_image_surface_get_height(surface_); }
  std::uint32_t at(double x, double y) const {  // RRGGBB
    std::uint32_t value = 0;
    std::memcpy(&value,
                cairo_image_surface_get_data(surface_) +
                    static_cast<int>(y) * cairo_image_surface_get_stride(surface_) +
                    static_cast<int>(x) * 4,
                4);
    return value & 0xffffff;
  }
  // The whole column's pixels of that colour between two heights.
  int count(double x, double top, double bottom, std::uint32_t color) const {
    int out = 0;
    for (int y = static_cast<int>(top); y < static_cast<int>(bottom); ++y) out += at(x, y) == color;
    return out;
  }
  // Pale, with those pixels in red.
  void write_with_marks(std::string const& path,
                        std::vector<std::pair<int, int>> const& marks) const {
    auto* const sheet = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width(), height());
    auto* const context = cairo_create(sheet);
    cairo_set_source_surface(context, surface_, 0, 0);
    cairo_paint(context);
    cairo_set_source_rgba(context, 1, 1, 1, 0.7);
    cairo_paint(context);
    cairo_set_source_rgb(context, 1, 0, 0);
    for (auto const& [x, y] : marks) cairo_rectangle(context, x, y, 1, 1);
    cairo_fill(context);
    cairo_surface_write_to_png(sheet, path.c_str());
    cairo_destroy(context);
    cairo_surface_destroy(sheet);
  }

 private:
  std::string_view rest_;
  cairo_surface_t* surface_ = nullptr;
};

inline bool alike(std::uint32_t a, std::uint32_t b) {
  for (int shift = 0; shift < 24; shift += 8) {
    auto const one = static_cast<int>(a >> shift & 0xff),
               other = static_cast<int>(b >> shift & 0xff);
    if (std::abs(one - other) > 64) return false;
  }
  return true;
}

// The pixels of either picture that have none alike in the other, there or beside it: another
// version of freetype or cairo shifts letters and edges by parts of a pixel, no more. Both are of
// one size.
inline std::vector<std::pair<int, int>> difference(Pixels const& a, Pixels const& b) {
  auto const found = [](Pixels const& in, int x, int y, std::uint32_t color) {
    if (alike(in.at(x, y), color)) return true;
    for (int j = std::max(y - 1, 0); j <= std::min(y + 1, in.height() - 1); ++j) {
      for (int i = std::max(x - 1, 0); i <= std::min(x + 1, in.width() - 1); ++i) {
        if (alike(in.at(i, j), color)) return true;
      }
    }
    return false;
  };
  std::vector<std::pair<int, int>> out;
  for (int y = 0; y < a.height(); ++y) {
    for (int x = 0; x < a.width(); ++x) {
      if (!found(b, x, y, a.at(x, y)) || !found(a, x, y, b.at(x, y))) out.emplace_back(x, y);
    }
  }
  return out;
}

// So many differing pixels are nobody's business: a hundred, more of a large picture. An axis that
// moved or a curve that is lost is several times as many.
inline std::size_t tolerated(Pixels const& picture) {
  return 100 + static_cast<std::size_t>(picture.width() * picture.height()) / 5000;
}

}  // namespace dadvisor::graphite::picture::test
