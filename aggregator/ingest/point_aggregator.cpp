#include "aggregator/ingest/point_aggregator.hpp"

#include <vector>

namespace dadvisor::aggregator::ingest {
namespace {

constexpr std::int64_t kept_intervals = 5;  // carbon's MAX_AGGREGATION_INTERVALS

}  // namespace

struct AggregateInterval {
  std::vector<double> values;
  bool active = false;  // values came since it was made
};

struct AggregateBuffer {
  std::int64_t frequency = 0;  // seconds
  graphite::RuleMethod method = graphite::RuleMethod::sum;
  MonotonicTime due{};
  std::map<std::int64_t, AggregateInterval> intervals;  // by begin
};

PointAggregator::PointAggregator(std::size_t most_values) : most_values_(most_values) {}
PointAggregator::~PointAggregator() = default;

AggregateBuffer& PointAggregator::buffer(std::string const& output,
                                         graphite::AggregationRule const& rule) {
  auto& place = buffers_[output];
  if (!place) {
    place = std::make_unique<AggregateBuffer>();
    place->frequency = rule.frequency();
    place->method = rule.method();
  }
  return *place;
}

bool PointAggregator::put(AggregateBuffer& buffer, std::int64_t time, double value,
                          MonotonicTime now) {
  if (values_ >= most_values_) return false;
  if (buffer.intervals.empty()) buffer.due = now + std::chrono::seconds(buffer.frequency);
  auto& interval = buffer.intervals[time - time % buffer.frequency];
  interval.values.push_back(value);
  interval.active = true;
  ++values_;
  return true;
}

void PointAggregator::compute(MonotonicTime now, WallTime wall, Visitor const& visit) {
  auto const seconds = unix_seconds(wall);
  for (auto const& [name, buffer] : buffers_) {
    if (buffer->intervals.empty() || now < buffer->due) continue;
    auto const frequency = buffer->frequency;
    while (buffer->due <= now) buffer->due += std::chrono::seconds(frequency);
    auto const oldest = seconds - seconds % frequency - kept_intervals * frequency;
    for (auto at = buffer->intervals.begin(); at != buffer->intervals.end();) {
      auto& interval = at->second;
      if (interval.active)
        visit(name, at->first, graphite::apply_rule_method(buffer->method, interval.values));
      interval.active = false;
      if (at->first < oldest) {
        values_ -= interval.values.size();
        at = buffer->intervals.erase(at);
      } else {
        ++at;
      }
    }
  }
}

void PointAggregator::clear() {
  buffers_.clear();
  values_ = 0;
}

}  // namespace dadvisor::aggregator::ingest
