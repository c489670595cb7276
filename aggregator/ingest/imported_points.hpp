#pragma once
// Points of any age as `dadvisor import-graphite` and `import-whisper` send them to the admin
// socket, series by series, a line each:
//
//   =PATH [STEP]         the series of the lines behind it; STEP: seconds, for one that is not
//   there
//                        yet (without it storage-schemas.conf says)
//   TIME VALUE [SPAN]    TIME: unix seconds; SPAN: the seconds that the value stands for, where
//                        that is more than a step (a point of a coarser archive)
//
// Pure; any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::aggregator::ingest {

struct ImportedPoint {
  std::int64_t time = 0;
  double value = 0;       // finite
  std::int64_t span = 0;  // 0: a step
};

struct ImportedSeries {
  std::string path;       // as it was sent
  std::int64_t step = 0;  // 0: not said
  std::vector<ImportedPoint> points;
};

// Errors: malformed (with the line).
Result<std::vector<ImportedSeries>> parse_imported_points(std::string_view body);

// The points as values of slots of `step` seconds, by the slots' begins; of a slot the last point
// counts. One that spans several slots is the value of each of them, or, where `shared`, an equal
// share of it: so that a coarser point over them is that point again, by its mean or by its sum.
// One that does not say so spans what carbon's archive of its age, of steps archive_step(time),
// would have of it: there up to the next point, the first one also what is before it.
std::map<std::int64_t, double> slots_of(
    std::vector<ImportedPoint> const& points, std::int64_t step, bool shared,
    std::function<std::int64_t(std::int64_t time)> const& archive_step);

}  // namespace dadvisor::aggregator::ingest
