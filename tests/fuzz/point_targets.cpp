#include "point_targets.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "graphite-bridge/carbon/pickled_points.hpp"
#include "graphite-bridge/carbon/point_line.hpp"
#include "graphite-bridge/carbon/point_path.hpp"
#include "graphite-bridge/carbon/whisper_file.hpp"
#include "must.hpp"

namespace dadvisor::fuzz {
namespace {

void take_path(std::string_view sent) {
  auto const path = graphite::canonical_path(sent);
  if (!path) return;
  auto const again = graphite::canonical_path(*path);
  must(again && *again == *path, "a canonical path stays what it is");
  auto const parts = graphite::split_path(*path);
  must(graphite::join_path(parts.parent, parts.leaf) == *path, "a path's parts make it again");
}

// The short way reads what the long way does, whatever time was read before.
void compare_numbers(std::string_view line, graphite::Point const* whole,
                     graphite::PlainTime& time) {
  auto const blank = line.find(' ');
  if (blank == std::string_view::npos || blank == 0) return;
  std::string const rest = std::string(line.substr(blank + 1)) + "\n";
  char const* at = rest.data();
  double value = 0;
  std::int64_t seconds = 0;
  if (!graphite::parse_plain_numbers(at, rest.data() + rest.size(), time, value, seconds)) return;
  must(at == rest.data() + rest.size(), "plain numbers are all of a line's rest");
  bool const plain_path =
      line.substr(0, blank).find_first_of("\t\r\v\f\x1c\x1d\x1e\x1f") == std::string_view::npos;
  if (!plain_path) return;
  must(whole != nullptr, "a line with plain numbers is a point");
  must(std::isfinite(value) && whole->value == value, "both read one value");
  must(whole->time == static_cast<double>(seconds), "both read one time");
}

}  // namespace

void take_line(std::string_view bytes) {
  graphite::PlainTime time;
  while (!bytes.empty()) {
    auto const end = std::min(bytes.find('\n'), bytes.size());
    auto const line = bytes.substr(0, end);
    auto const point = graphite::parse_point_line(line);
    if (point) {
      must(!point->path.empty() && point->path.data() >= line.data() &&
               point->path.data() + point->path.size() <= line.data() + line.size(),
           "a path is a part of its line");
      take_path(point->path);
    }
    compare_numbers(line, point ? &*point : nullptr, time);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
}

void take_pickle(std::string_view bytes) {
  std::size_t visited = 0, path_bytes = 0;
  auto const counts = graphite::read_pickled_points(bytes, [&](graphite::Point const& point) {
    ++visited;
    path_bytes += point.path.size();
    if (visited < 100) take_path(point.path);
  });
  must(counts || visited == 0, "of a refused message nothing is visited");
  if (!counts) return;
  must(counts->points == visited, "all that is visited is counted");
  must(visited + counts->unfit <= bytes.size(), "a point takes a byte at the least");
}

void take_whisper(std::string_view bytes) {
  auto const file = graphite::read_whisper_file(bytes, 1'800'000'000);
  if (!file) return;
  must(file->points.size() + file->not_finite <= bytes.size() / 12, "a point takes 12 bytes");
  for (graphite::WhisperPoint const& point : file->points)
    must(std::isfinite(point.value) && point.span > 0, "points are finite and span something");
}

}  // namespace dadvisor::fuzz
