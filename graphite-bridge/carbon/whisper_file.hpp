#pragma once
// whisper's files (.wsp), one series each: a header, then archives, each a ring of points of one
// step. All numbers are big-endian.
//
//   u32 aggregation, u32 longest retention (s), f32 xFilesFactor, u32 number of archives
//   for each archive:  u32 offset, u32 step (s), u32 points
//   for each of its points:  u32 time (s, a multiple of the step), f64 value
//
// A slot is overwritten when its time comes round again, so that what is older than the archive's
// retention means nothing; nor does time 0. Pure; any thread.

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/carbon/storage_aggregation.hpp"

namespace dadvisor::graphite {

struct WhisperArchive {
  std::uint64_t offset = 0;  // in the file
  std::int64_t step = 0, points = 0;
  std::int64_t retention() const { return step * points; }
};

struct WhisperPoint {
  std::int64_t time = 0;  // of its span's begin, unix seconds
  double value = 0;
  std::int64_t span = 0;  // seconds: its archive's step
};

struct WhisperFile {
  AggregationMethod method = AggregationMethod::average;
  double x_files_factor = 0;
  std::vector<WhisperArchive> archives;  // finest first
  // What whisper would show of all archives as of `now`, of a point's span nothing twice: coarser
  // ones first, those alone that begin before the finer archive does or of whose span the finer
  // ones know nothing; a finer one counts where both are.
  std::vector<WhisperPoint> points;
  std::uint64_t not_finite = 0;  // points that were left out
};

// Errors: malformed, with what is wrong.
Result<WhisperFile> read_whisper_file(std::string_view bytes, std::int64_t now);

}  // namespace dadvisor::graphite
