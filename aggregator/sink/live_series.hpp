#pragma once
// Which series a receiver believes to be alive, so that it can be told when they end. By entity,
// since a slow figure that is not there at a tick does not mean an end, but an entity without any
// does. Some 150 bytes an entity and 4 a series. Not thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/sink/prometheus_series.hpp"
#include "aggregator/sink/write_request.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::aggregator::sink {

class LiveSeries {
 public:
  // Values of `leaf` of the entity under `path`, the last of them at `tick`.
  void seen(std::string_view path, PrometheusEntity const& entity, std::string_view leaf,
            WallTime tick);
  // All series of entities without a value since `since`, each with a stale marker at `now`; they
  // are forgotten.
  std::vector<WriteSeries> take_ended(WallTime since, WallTime now);
  std::size_t entities() const { return entities_.size(); }

 private:
  struct Known {
    PrometheusEntity entity;
    WallTime last{};
    std::vector<std::uint32_t> leaves;  // sorted places in names_
  };
  std::map<std::string, Known, std::less<>> entities_;  // by path
  std::map<std::string, std::uint32_t, std::less<>> places_;
  std::vector<std::string> names_;
};

}  // namespace dadvisor::aggregator::sink
