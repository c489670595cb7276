#include "graphite-bridge/picture/png.hpp"

#include <png.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

namespace dadvisor::graphite::picture {
namespace {

// cairo's pixels: native 32 bits 0xAARRGGBB, colours multiplied by alpha (cairo_format_t).
struct Pixels {
  unsigned char const* data;
  int width, height, stride;

  std::uint32_t at(int x, int y) const {
    std::uint32_t out;
    std::memcpy(&out, data + static_cast<std::ptrdiff_t>(y) * stride + x * 4, 4);
    return out;
  }
};

bool is_opaque(Pixels const& pixels) {
  std::uint32_t all = 0xff000000;
  for (int y = 0; y < pixels.height; ++y)
    for (int x = 0; x < pixels.width; ++x) all &= pixels.at(x, y);
  return all == 0xff000000;
}

unsigned char part(std::uint32_t pixel, int shift) {
  return static_cast<unsigned char>(pixel >> shift);
}

// A colour as it was before alpha was multiplied into it.
unsigned char undone(std::uint32_t pixel, int shift) {
  unsigned const alpha = pixel >> 24;
  if (alpha == 0) return 0;
  return static_cast<unsigned char>(
      std::min((part(pixel, shift) * 255U + alpha / 2) / alpha, 255U));
}

// What is written whole anyhow is not cleared first: these are a million bytes.
using Bytes = std::unique_ptr<unsigned char[]>;

std::size_t count_of(Pixels const& pixels) {
  return static_cast<std::size_t>(pixels.width) * static_cast<std::size_t>(pixels.height);
}

Bytes opaque_rows(Pixels const& pixels) {
  auto out = std::make_unique_for_overwrite<unsigned char[]>(count_of(pixels) * 3);
  auto* to = out.get();
  for (int y = 0; y < pixels.height; ++y)
    for (int x = 0; x < pixels.width; ++x, to += 3) {
      auto const pixel = pixels.at(x, y);
      to[0] = part(pixel, 16);
      to[1] = part(pixel, 8);
      to[2] = part(pixel, 0);
    }
  return out;
}

Bytes glassy_rows(Pixels const& pixels) {
  auto out = std::make_unique_for_overwrite<unsigned char[]>(count_of(pixels) * 4);
  auto* to = out.get();
  for (int y = 0; y < pixels.height; ++y)
    for (int x = 0; x < pixels.width; ++x, to += 4) {
      auto const pixel = pixels.at(x, y);
      for (int i = 0; i < 3; ++i) to[i] = undone(pixel, 16 - 8 * i);
      to[3] = part(pixel, 24);
    }
  return out;
}

Result<std::string> written(png_image& image, unsigned char const* rows) {
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  auto const file = std::make_unique_for_overwrite<char[]>(size);
  if (!png_image_write_to_memory(&image, file.get(), &size, 0, rows, 0, nullptr))
    return Error{Errc::io, 0, std::string("libpng: ") + image.message};
  return std::string(file.get(), size);
}

}  // namespace

Result<std::string> encode_png(cairo_surface_t* surface) {
  Pixels const pixels{cairo_image_surface_get_data(surface), cairo_image_surface_get_width(surface),
                      cairo_image_surface_get_height(surface),
                      cairo_image_surface_get_stride(surface)};
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(pixels.width);
  image.height = static_cast<png_uint_32>(pixels.height);
  image.flags = PNG_IMAGE_FLAG_FAST;  // no filters, level 3
  if (!is_opaque(pixels)) {
    image.format = PNG_FORMAT_RGBA;
    return written(image, glassy_rows(pixels).get());
  }
  image.format = PNG_FORMAT_RGB;
  return written(image, opaque_rows(pixels).get());
}

}  // namespace dadvisor::graphite::picture
