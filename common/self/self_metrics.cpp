#include "common/self/self_metrics.hpp"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <stdexcept>

namespace dadvisor::self {

void SelfMetrics::counter(std::string name, std::string help, Read read) {
  add(Entry{std::move(name), std::move(help), true, {}, std::move(read)});
}

void SelfMetrics::counter(std::string name, std::string help, Labels labels, Read read) {
  add(Entry{std::move(name), std::move(help), true, std::move(labels), std::move(read)});
}

void SelfMetrics::gauge(std::string name, std::string help, Read read) {
  add(Entry{std::move(name), std::move(help), false, {}, std::move(read)});
}

void SelfMetrics::gauge(std::string name, std::string help, Labels labels, Read read) {
  add(Entry{std::move(name), std::move(help), false, std::move(labels), std::move(read)});
}

void SelfMetrics::add(Entry entry) {
  if (!prometheus::CheckMetricName(entry.name))
    throw std::invalid_argument("not a metric's name: " + entry.name);
  bool const joins = !entries_.empty() && entries_.back().name == entry.name &&
                     !entries_.back().labels.empty() && !entry.labels.empty();
  for (Entry const& other : entries_)
    if (other.name == entry.name && (!joins || other.labels == entry.labels))
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
    for (auto const& [name, value] : entry.labels) metric.label.push_back({name, value});
    if (families.empty() || families.back().name != entry.name)
      families.push_back(
          {entry.name,
           entry.help,
           entry.is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
           {}});
    families.back().metric.push_back(std::move(metric));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace dadvisor::self
