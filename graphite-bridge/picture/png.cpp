#include "graphite-bridge/picture/png.hpp"

#include <png.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "common/deflate/deflate.hpp"

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
  std::uint64_t two_at(int x, int y) const {
    std::uint64_t out;
    std::memcpy(&out, data + static_cast<std::ptrdiff_t>(y) * stride + x * 4, 8);
    return out;
  }
};

bool is_opaque(Pixels const& pixels) {
  constexpr std::uint64_t alphas = 0xff000000'ff000000;
  std::uint64_t all = alphas;
  for (int y = 0; y < pixels.height; ++y) {
    int x = 0;
    for (; x + 4 <= pixels.width; x += 4) all &= pixels.two_at(x, y) & pixels.two_at(x + 2, y);
    for (; x < pixels.width; ++x) all &= alphas << 32 | pixels.at(x, y);
  }
  return (all & alphas) == alphas;
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

// Before compression a row is the number of its filter, which is none, and its pixels.
constexpr char no_filter = 0;

#if defined(__x86_64__)
// The first pixels of a row, four at a time, without their alpha. Returns how many they are.
__attribute__((target("ssse3"))) int write_fours(Pixels const& pixels, int y, char* to) {
  __m128i const order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
  auto const* const from = pixels.data + static_cast<std::ptrdiff_t>(y) * pixels.stride;
  int x = 0;
  // Four bytes too many are written: they are of the pixels behind.
  for (; x + 6 <= pixels.width; x += 4)
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(to + x * 3),
        _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<__m128i const*>(from + x * 4)), order));
  return x;
}
#endif

// How `channels` bytes of a pixel stand in the file: red first.
template <std::size_t channels>
void write_row(Pixels const& pixels, int y, char* to) {
  *to++ = no_filter;
  int x = 0;
#if defined(__x86_64__)
  static bool const has_vectors = __builtin_cpu_supports("ssse3") != 0;
  if (channels == 3 && has_vectors) x = write_fours(pixels, y, to);
#endif
  to += static_cast<std::size_t>(x) * channels;
  for (; x < pixels.width; ++x, to += channels) {
    auto const pixel = pixels.at(x, y);
    if constexpr (channels == 3) {
      // One store for three bytes; the fourth is the next pixel's.
      std::uint32_t const bytes = __builtin_bswap32(pixel << 8);
      std::memcpy(to, &bytes, sizeof bytes);
    } else {
      for (int i = 0; i < 3; ++i) to[i] = static_cast<char>(undone(pixel, 16 - 8 * i));
      to[3] = static_cast<char>(part(pixel, 24));
    }
  }
}

// A few rows at a time, so that they are still in the processor's cache when they are compressed.
template <std::size_t channels>
std::string packed_rows(Pixels const& pixels) {
  constexpr std::size_t bytes_at_once = 64 << 10;
  std::size_t const row = 1 + static_cast<std::size_t>(pixels.width) * channels;
  std::size_t const most = std::max<std::size_t>(bytes_at_once / row, 1);
  auto const rows = std::make_unique_for_overwrite<char[]>(most * row + 1);
  deflate::Deflater deflater(deflate::Wrapper::zlib);
  for (int y = 0; y < pixels.height;) {
    std::size_t count = 0;
    for (; count < most && y < pixels.height; ++count, ++y)
      write_row<channels>(pixels, y, rows.get() + count * row);
    deflater.add({rows.get(), count * row});
  }
  return deflater.finish();
}

void append(png_structp png, png_bytep bytes, png_size_t size) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(bytes), size);
}

// libpng's errors jump back here, so nothing in here may want to be destroyed.
bool write_chunks(png_structp png, png_infop info, Pixels const& pixels, int color_type,
                  std::string_view packed) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_IHDR(png, info, static_cast<png_uint_32>(pixels.width),
               static_cast<png_uint_32>(pixels.height), 8, color_type, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
  png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_write_info(png, info);
  png_write_chunk(png, reinterpret_cast<png_const_bytep>("IDAT"),
                  reinterpret_cast<png_const_bytep>(packed.data()), packed.size());
  png_write_chunk(png, reinterpret_cast<png_const_bytep>("IEND"), nullptr, 0);
  return true;
}

}  // namespace

Result<std::string> encode_png(cairo_surface_t* surface) {
  Pixels const pixels{cairo_image_surface_get_data(surface), cairo_image_surface_get_width(surface),
                      cairo_image_surface_get_height(surface),
                      cairo_image_surface_get_stride(surface)};
  bool const opaque = is_opaque(pixels);
  auto const packed = opaque ? packed_rows<3>(pixels) : packed_rows<4>(pixels);
  std::string file;
  file.reserve(packed.size() + 256);  // as much as the other chunks take
  auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  if (!png) throw std::bad_alloc();
  auto* info = png_create_info_struct(png);
  png_set_write_fn(png, &file, append, nullptr);
  bool const written =
      info &&
      write_chunks(png, info, pixels, opaque ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGBA, packed);
  png_destroy_write_struct(&png, &info);
  if (!written) return Error{Errc::io, 0, "libpng could not write the picture"};
  return file;
}

}  // namespace dadvisor::graphite::picture
