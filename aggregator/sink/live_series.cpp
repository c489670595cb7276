#include "aggregator/sink/live_series.hpp"

#include <algorithm>

namespace dadvisor::aggregator::sink {

void LiveSeries::seen(std::string_view path, PrometheusEntity const& entity, std::string_view leaf,
                      WallTime tick) {
  auto place = places_.find(leaf);
  if (place == places_.end()) {
    place = places_.emplace(leaf, static_cast<std::uint32_t>(names_.size())).first;
    names_.emplace_back(leaf);
  }
  auto at = entities_.find(path);
  if (at == entities_.end())
    at = entities_.emplace(std::string(path), Known{entity, tick, {}}).first;
  auto& known = at->second;
  known.last = std::max(known.last, tick);
  auto const where = std::lower_bound(known.leaves.begin(), known.leaves.end(), place->second);
  if (where == known.leaves.end() || *where != place->second)
    known.leaves.insert(where, place->second);
}

std::vector<WriteSeries> LiveSeries::take_ended(WallTime since, WallTime now) {
  std::vector<WriteSeries> out;
  auto const time = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  for (auto at = entities_.begin(); at != entities_.end();) {
    if (at->second.last >= since) {
      ++at;
      continue;
    }
    for (auto const leaf : at->second.leaves)
      out.push_back(
          {prometheus_labels(at->second.entity, names_[leaf]), {{time.count(), stale_marker()}}});
    at = entities_.erase(at);
  }
  return out;
}

}  // namespace dadvisor::aggregator::sink
