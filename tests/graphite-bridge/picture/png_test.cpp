// Our PNGs decode to what cairo's own of the same surface decode to.

#include "graphite-bridge/picture/png.hpp"

#include <png.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

using dadvisor::graphite::picture::encode_png;

namespace {

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;

// Of `height` rows, each pixel as painted(x, y) says: 0xAARRGGBB, colours multiplied by alpha.
template <typename Painted>
Surface surface_of(int width, int height, Painted const& painted) {
  Surface out(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height),
              cairo_surface_destroy);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      std::uint32_t const pixel = painted(x, y);
      std::memcpy(cairo_image_surface_get_data(out.get()) +
                      y * cairo_image_surface_get_stride(out.get()) + x * 4,
                  &pixel, 4);
    }
  cairo_surface_mark_dirty(out.get());
  return out;
}

std::string by_cairo(cairo_surface_t* surface) {
  std::string out;
  cairo_surface_write_to_png_stream(
      surface,
      [](void* closure, unsigned char const* data, unsigned int length) {
        static_cast<std::string*>(closure)->append(reinterpret_cast<char const*>(data), length);
        return CAIRO_STATUS_SUCCESS;
      },
      &out);
  return out;
}

struct Decoded {
  bool alpha = false;
  unsigned width = 0, height = 0;
  std::vector<unsigned char> rgba;
  bool operator==(Decoded const&) const = default;
};

Decoded decoded(std::string const& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_memory(&image, png.data(), png.size()) != 0);
  Decoded out{(image.format & PNG_FORMAT_FLAG_ALPHA) != 0, image.width, image.height, {}};
  image.format = PNG_FORMAT_RGBA;
  out.rgba.resize(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, out.rgba.data(), 0, nullptr) != 0);
  return out;
}

}  // namespace

TEST_CASE("an opaque surface is a PNG without alpha") {
  auto const surface = surface_of(37, 11, [](int x, int y) {
    return 0xff000000U | static_cast<std::uint32_t>(x * 7 << 16 | y * 23 << 8 | (x + y));
  });
  auto const made = encode_png(surface.get());
  REQUIRE(made);
  auto const ours = decoded(*made);
  CHECK_FALSE(ours.alpha);
  CHECK(ours == decoded(by_cairo(surface.get())));
  // The pixel at (5, 2): red 35, green 46, blue 7.
  auto const* pixel = &ours.rgba[(2 * 37 + 5) * 4];
  CHECK(std::vector<int>(pixel, pixel + 4) == std::vector<int>{35, 46, 7, 255});
}

TEST_CASE("pixels at the end of a row are as those in it, of rows of any length") {
  for (int width = 1; width <= 14; ++width) {
    auto const color = [](int x, int y) {
      return 0xff000000U | static_cast<std::uint32_t>(x * 15 << 16 | y * 80 << 8 | (200 - x));
    };
    auto const solid = surface_of(width, 3, color);
    auto const ours = decoded(encode_png(solid.get()).value());
    CHECK_FALSE(ours.alpha);
    CHECK(ours == decoded(by_cairo(solid.get())));
    for (int hole = 0; hole < width; ++hole) {
      auto const glassy = surface_of(width, 3, [&](int x, int y) {
        return x == hole && y == 1 ? std::uint32_t{0x80000000} : color(x, y);
      });
      REQUIRE(decoded(encode_png(glassy.get()).value()).alpha);
    }
  }
}

TEST_CASE("what shines through keeps its colour") {
  // Each alpha, with a red of it all, a green of half and no blue.
  auto const surface = surface_of(256, 2, [](int x, int) {
    auto const alpha = static_cast<std::uint32_t>(x);
    return alpha << 24 | alpha << 16 | alpha / 2 << 8;
  });
  auto const made = encode_png(surface.get());
  REQUIRE(made);
  auto const ours = decoded(*made);
  CHECK(ours.alpha);
  CHECK(ours == decoded(by_cairo(surface.get())));
  auto const* pixel = &ours.rgba[200 * 4];
  CHECK(std::vector<int>(pixel, pixel + 4) == std::vector<int>{255, 128, 0, 200});
}
