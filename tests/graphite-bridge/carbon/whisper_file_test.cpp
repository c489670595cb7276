// whisper's files: all archives, the finest where it reaches.

#include "graphite-bridge/carbon/whisper_file.hpp"

#include <bit>
#include <catch2/catch.hpp>

namespace dadvisor::graphite {
namespace {

template <typename Number>
void put(std::string& bytes, Number number) {
  for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
    bytes += static_cast<char>(number >> shift & 0xff);
}

struct Ring {
  std::uint32_t step, slots;
  std::vector<std::pair<std::uint32_t, double>> points;  // in the order of their slots
};

std::string file_of(std::vector<Ring> const& rings, std::uint32_t method = 1) {
  std::string bytes;
  put(bytes, method);
  put(bytes, rings.back().step * rings.back().slots);
  put(bytes, std::bit_cast<std::uint32_t>(0.5F));
  put(bytes, static_cast<std::uint32_t>(rings.size()));
  auto offset = static_cast<std::uint32_t>(16 + 12 * rings.size());
  for (Ring const& ring : rings) {
    put(bytes, offset), put(bytes, ring.step), put(bytes, ring.slots);
    offset += 12 * ring.slots;
  }
  for (Ring const& ring : rings)
    for (std::uint32_t i = 0; i < ring.slots; ++i) {
      auto const point = i < ring.points.size() ? ring.points[i] : std::pair(0U, 0.0);
      put(bytes, point.first), put(bytes, std::bit_cast<std::uint64_t>(point.second));
    }
  return bytes;
}

using Seen = std::vector<std::array<double, 3>>;  // time, value, span
Seen points_of(WhisperFile const& file) {
  Seen seen;
  for (WhisperPoint const& point : file.points)
    seen.push_back({static_cast<double>(point.time), point.value, static_cast<double>(point.span)});
  return seen;
}

TEST_CASE("an archive's header is read, big-endian") {
  auto const file = read_whisper_file(file_of({{60, 5, {}}, {300, 7, {}}}, 2), 10'000);
  REQUIRE(file);
  CHECK(file->method == AggregationMethod::sum);
  CHECK(file->x_files_factor == 0.5);
  REQUIRE(file->archives.size() == 2);
  CHECK(file->archives[1].offset == 16 + 2 * 12 + 5 * 12);
  CHECK(file->archives[1].step == 300);
  CHECK(file->archives[1].points == 7);
  CHECK(file->points.empty());
}

TEST_CASE("what a ring holds of its last round is left out") {
  // Five minutes up to 1200: 900 is in, 899's slot would be out; 600 was not overwritten.
  auto const file = read_whisper_file(
      file_of({{60, 5, {{1200, 1}, {960, 2}, {600, 3}, {1080, 4}, {1300, 5}}}}), 1200);
  REQUIRE(file);
  CHECK(points_of(*file) == Seen{{960, 2, 60}, {1080, 4, 60}, {1200, 1, 60}});
}

TEST_CASE("a coarser archive counts where the finer one does not reach or knows nothing") {
  // Fine: from 901 on; nothing between 1200 and 1500.
  Ring const fine{60, 10, {{900, 99}, {960, 1}, {1020, 2}, {1500, 3}}};
  Ring const coarse{300, 8, {{600, 10}, {900, 20}, {1200, 30}, {1500, 40}}};
  auto const file = read_whisper_file(file_of({fine, coarse}), 1500);
  REQUIRE(file);
  // 900 begins before the fine archive does: it stands for what of it is not there.
  CHECK(points_of(*file) == Seen{{600, 10, 300},
                                 {900, 20, 300},
                                 {1200, 30, 300},
                                 {960, 1, 60},
                                 {1020, 2, 60},
                                 {1500, 3, 60}});
}

TEST_CASE("values that are not finite are counted and left out") {
  auto const file = read_whisper_file(file_of({{60,
                                                5,
                                                {{960, std::numeric_limits<double>::quiet_NaN()},
                                                 {1020, std::numeric_limits<double>::infinity()},
                                                 {1080, 1}}}}),
                                      1200);
  REQUIRE(file);
  CHECK(file->not_finite == 2);
  CHECK(points_of(*file) == Seen{{1080, 1, 60}});
}

TEST_CASE("a file that is cut off anywhere is refused, as is one that is none") {
  auto const bytes = file_of({{60, 5, {}}, {300, 7, {}}});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto const read = read_whisper_file(std::string_view(bytes).substr(0, size), 10'000);
    REQUIRE_FALSE(read);
    REQUIRE(read.error().code == Errc::malformed);
  }
  CHECK_FALSE(read_whisper_file(file_of({{60, 5, {}}}, 9), 10'000));
  CHECK_FALSE(read_whisper_file(file_of({{60, 5, {}}}, 0), 10'000));
  CHECK_FALSE(read_whisper_file(file_of({{0, 5, {}}}), 10'000));
  CHECK_FALSE(read_whisper_file(file_of({{300, 5, {}}, {60, 5, {}}}), 10'000));
}

}  // namespace
}  // namespace dadvisor::graphite
