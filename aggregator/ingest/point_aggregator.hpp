#pragma once
// What aggregation rules make of points: the values of an interval become one, which is made again
// when more of them come, as carbon-aggregator does (aggregator/buffers.py). An interval is kept
// for five of its lengths. What is being aggregated is not on disk: after a restart the intervals
// that were open begin anew. One thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/core/clock.hpp"
#include "graphite-bridge/carbon/aggregation_rules.hpp"

namespace dadvisor::aggregator::ingest {

struct AggregateBuffer;

class PointAggregator {
 public:
  explicit PointAggregator(std::size_t most_values = 4'000'000);
  ~PointAggregator();

  // Of an output's name; the first rule that made it counts. Valid until clear().
  AggregateBuffer& buffer(std::string const& output, graphite::AggregationRule const& rule);
  // False: too many values are kept, this one is not. `time`: unix seconds.
  bool put(AggregateBuffer& buffer, std::int64_t time, double value, MonotonicTime now);
  // Calls visit(name, time of the interval's begin, value) for what is due.
  using Visitor = std::function<void(std::string const& name, std::int64_t time, double value)>;
  void compute(MonotonicTime now, WallTime wall, Visitor const& visit);
  void clear();

 private:
  std::size_t const most_values_;
  std::size_t values_ = 0;
  std::map<std::string, std::unique_ptr<AggregateBuffer>> buffers_;
};

}  // namespace dadvisor::aggregator::ingest
