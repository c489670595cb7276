#pragma once
// A painted surface as a PNG: by libpng without row filters and at a low level of compression. For
// pictures of curves the file is a tenth larger than cairo's own and takes a quarter of the time.
// (A palette would take less again, but smoothed texts and ten curves have a thousand colours and
// more.)

#include <cairo.h>

#include <string>

#include "common/core/result.hpp"

namespace dadvisor::graphite::picture {

// Of an image surface of CAIRO_FORMAT_ARGB32, flushed; without an alpha channel where nothing
// shines through. Errc::io when libpng failed. Any thread, one surface each.
Result<std::string> encode_png(cairo_surface_t* surface);

}  // namespace dadvisor::graphite::picture
