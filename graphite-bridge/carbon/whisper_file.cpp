#include "graphite-bridge/carbon/whisper_file.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <string>

namespace dadvisor::graphite {
namespace {

constexpr std::size_t head_bytes = 16, archive_bytes = 12, point_bytes = 12;
constexpr std::uint32_t most_archives = 64;

template <typename Number>
Number read_big(std::string_view bytes, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(bytes[at + i]));
  return number;
}

Error wrong(std::string what) {
  return {Errc::malformed, 0, "no whole whisper file: " + std::move(what)};
}

// whisper's aggregationTypeToMethod.
bool read_method(std::uint32_t type, AggregationMethod& method) {
  using enum AggregationMethod;
  static constexpr AggregationMethod by_type[] = {average, sum,      last,   max,
                                                  min,     avg_zero, absmax, absmin};
  if (type < 1 || type > std::size(by_type)) return false;
  method = by_type[type - 1];
  return true;
}

// The archive's points as of `now`, by time.
std::map<std::int64_t, double> points_of(std::string_view bytes, WhisperArchive const& archive,
                                         std::int64_t now, std::uint64_t& not_finite) {
  std::map<std::int64_t, double> points;
  for (std::int64_t i = 0; i < archive.points; ++i) {
    std::size_t const at = archive.offset + static_cast<std::size_t>(i) * point_bytes;
    std::int64_t const time = read_big<std::uint32_t>(bytes, at);
    if (time == 0 || time % archive.step != 0 || time > now || time <= now - archive.retention())
      continue;
    auto const value = std::bit_cast<double>(read_big<std::uint64_t>(bytes, at + 4));
    if (std::isfinite(value))
      points.emplace(time, value);
    else
      ++not_finite;
  }
  return points;
}

}  // namespace

Result<WhisperFile> read_whisper_file(std::string_view bytes, std::int64_t now) {
  if (bytes.size() < head_bytes) return wrong("its header is cut off");
  WhisperFile file;
  if (!read_method(read_big<std::uint32_t>(bytes, 0), file.method))
    return wrong("its aggregation method is none of whisper's");
  file.x_files_factor = std::bit_cast<float>(read_big<std::uint32_t>(bytes, 8));
  auto const count = read_big<std::uint32_t>(bytes, 12);
  if (count == 0 || count > most_archives) return wrong("it has no archives, or too many");
  if (bytes.size() < head_bytes + count * archive_bytes) return wrong("its header is cut off");
  for (std::uint32_t i = 0; i < count; ++i) {
    std::size_t const at = head_bytes + i * archive_bytes;
    WhisperArchive const archive{read_big<std::uint32_t>(bytes, at),
                                 read_big<std::uint32_t>(bytes, at + 4),
                                 read_big<std::uint32_t>(bytes, at + 8)};
    auto const size = static_cast<std::uint64_t>(archive.points) * point_bytes;
    if (archive.step == 0 || archive.offset > bytes.size() || bytes.size() - archive.offset < size)
      return wrong("archive " + std::to_string(i) + " is cut off");
    if (i > 0 && archive.step <= file.archives.back().step)
      return wrong("its archives are not ordered finest first");
    file.archives.push_back(archive);
  }
  std::vector<std::vector<WhisperPoint>> by_archive;
  std::map<std::int64_t, double> finer;  // all of finer archives
  std::int64_t finer_begin = now + 1;    // of the finer archive
  for (WhisperArchive const& archive : file.archives) {
    auto const points = points_of(bytes, archive, now, file.not_finite);
    auto& taken = by_archive.emplace_back();
    for (auto const& [time, value] : points) {
      auto const inside = finer.lower_bound(time);
      bool const known = inside != finer.end() && inside->first < time + archive.step;
      if (time < finer_begin || !known) taken.push_back({time, value, archive.step});
    }
    finer.insert(points.begin(), points.end());
    finer_begin = std::min(finer_begin, now - archive.retention() + 1);
  }
  std::ranges::reverse(by_archive);
  for (auto const& taken : by_archive)
    file.points.insert(file.points.end(), taken.begin(), taken.end());
  return file;
}

}  // namespace dadvisor::graphite
