#pragma once
// A painted surface as a PNG: libpng's file around what common/deflate made of its rows, without row
// filters. For pictures of curves the file is a fifth larger than cairo's own and takes a tenth of
// the time. (A palette would be a third of the bytes, but smoothed texts and ten curves have a
// thousand colours and more.)

#include <cairo.h>

#include <string>

#include "common/core/result.hpp"

namespace dadvisor::graphite::picture {

// Of an image surface of CAIRO_FORMAT_ARGB32, flushed; without an alpha channel where nothing
// shines through. Errc::io when libpng failed. Any thread, one surface each.
Result<std::string> encode_png(cairo_surface_t* surface);

}  // namespace dadvisor::graphite::picture
