#include "aggregator/rollup/figures.hpp"

#include <array>
#include <limits>

namespace dadvisor::aggregator::rollup {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr Reading no_reading{WallTime::min(), 0};
constexpr std::size_t id_limit = 1024;

// What a metric's cells are, apart from all else that a Metric says.
enum class FigureKind : std::uint8_t { integer, real, counter };

FigureKind kind_of(Metric const& metric) {
  if (metric.kind == MetricKind::counter) return FigureKind::counter;
  return metric.type == MetricType::real ? FigureKind::real : FigureKind::integer;
}

struct Layout {
  std::vector<Metric const*> metrics;
  std::vector<FigureKind> kinds;
  std::array<std::int16_t, id_limit> index{};  // -1: not in it
  std::vector<std::size_t> counter;            // of each metric: how many counters are before it
  std::size_t counters = 0;
  std::optional<std::size_t> of(MetricId metric) const {
    if (metric >= id_limit || index[metric] < 0) return std::nullopt;
    return static_cast<std::size_t>(index[metric]);
  }
  Layout() {
    index.fill(-1);
    for (Metric const& metric : dadvisor::metrics()) {
      if (!metric.on_container || metric.pace == MetricPace::derived) continue;
      index[metric.id] = static_cast<std::int16_t>(metrics.size());
      metrics.push_back(&metric);
      kinds.push_back(kind_of(metric));
      counter.push_back(counters);
      if (metric.kind == MetricKind::counter) ++counters;
    }
  }
};

Layout const& layout() {
  static Layout const made;
  return made;
}

}  // namespace

std::span<Metric const* const> figure_metrics() { return layout().metrics; }

std::optional<std::size_t> figure_index(MetricId metric) { return layout().of(metric); }

FigurePlan::FigurePlan(Schema const& schema) {
  Layout const& all = layout();
  for (std::size_t cell = 0; cell < schema.metrics.size(); ++cell) {
    auto const index = all.of(schema.metrics[cell]);
    if (!index) continue;
    auto const at = static_cast<std::uint16_t>(cell), figure = static_cast<std::uint16_t>(*index);
    FigureKind const kind = all.kinds[*index];
    if (kind == FigureKind::counter)
      counters_.push_back({at, figure, static_cast<std::uint16_t>(all.counter[*index])});
    else
      gauges_.push_back({at, figure, kind == FigureKind::real});
  }
}

Figures InstanceReadings::take(FigurePlan const& plan, Cells const& cells, WallTime tick,
                               Nanoseconds step, std::int64_t start_ns,
                               std::optional<WallTime> previous_tick) {
  Layout const& all = layout();
  Figures figures(all.kinds.size(), none);
  last_.resize(all.counters, no_reading);
  for (auto const& [cell, figure, real] : plan.gauges_)
    if (auto const value = cells[cell])
      figures[figure] = real ? cell_real(*value) : static_cast<double>(*value);
  for (auto const& [cell, figure, number] : plan.counters_) {
    auto const value = cells[cell];
    if (!value) continue;
    Reading const now{tick, *value};
    Reading& last = last_[number];
    auto const before = last.tick != no_reading.tick
                            ? std::optional(last)
                            : reading_before_first(tick, step, start_ns, previous_tick);
    if (before)
      if (auto const made = counter_step(*before, now, step); made && made->per_second)
        figures[figure] = *made->per_second;
    if (last.tick < tick) last = now;
  }
  return figures;
}

void InstanceReadings::expect() const {
  constexpr std::size_t of_cache_line = 64 / sizeof(Reading);
  for (std::size_t at = 0; at < last_.size(); at += of_cache_line)
    __builtin_prefetch(last_.data() + at, 1);
}

void InstanceReadings::remember(FigurePlan const& plan, Cells const& cells, WallTime tick) {
  last_.resize(layout().counters, no_reading);
  for (auto const& [cell, figure, number] : plan.counters_)
    if (auto const value = cells[cell]; value && last_[number].tick < tick)
      last_[number] = Reading{tick, *value};
}

}  // namespace dadvisor::aggregator::rollup
