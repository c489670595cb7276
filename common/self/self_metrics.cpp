#include "common/self/self_metrics.hpp"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <stdexcept>

namespace dadvisor::self {

void SelfMetrics::counter(std::string name, std::string help, Read read) {
  add(Entry{std::move(name), std::move(help), true, std::move(read)});
}

void SelfMetrics::gauge(std::string name, std::string help, Read read) {
  add(Entry{std::move(name), std::move(help), false, std::move(read)});
}

void SelfMetrics::add(Entry entry) {
  if (!prometheus::CheckMetricName(entry.name))
    throw std::invalid_argument("not a metric's name: " + entry.name);
  if (std::any_of(entries_.begin(), entries_.end(),
                  [&](Entry const& other) { return other.name == entry.name; }))
    throw std::invalid_argument("given twice: " + entry.name);
  entries_.push_back(std::move(entry));
}

std::string SelfMetrics::text() const {
  std::vector<prometheus::MetricFamily> families;
  for (auto const& entry : entries_) {
    prometheus::ClientMetric metric;
    if (entry.is_counter)
      metric.counter.value = entry.read();
    else
      metric.gauge.value = entry.read();
    families.push_back(
        {entry.name,
         entry.help,
         entry.is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
         {std::move(metric)}});
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace dadvisor::self
