#include "aggregator/rollup/figures.hpp"

#include <array>
#include <limits>

namespace dadvisor::aggregator::rollup {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr Reading no_reading{WallTime::min(), 0};
constexpr std::size_t id_limit = 1024;

// What a metric's cells are, apart from all else that a Metric says: read for every cell.
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

Figures InstanceReadings::take(Schema const& schema, std::span<Cell const> cells, WallTime tick,
                               Nanoseconds step, std::int64_t start_ns,
                               std::optional<WallTime> previous_tick) {
  Layout const& all = layout();
  Figures figures(all.kinds.size(), none);
  last_.resize(all.counters, no_reading);
  for (std::size_t i = 0; i < schema.metrics.size() && i < cells.size(); ++i) {
    auto const index = all.of(schema.metrics[i]);
    if (!index || !cells[i]) continue;
    FigureKind const kind = all.kinds[*index];
    if (kind != FigureKind::counter) {
      figures[*index] =
          kind == FigureKind::real ? cell_real(*cells[i]) : static_cast<double>(*cells[i]);
      continue;
    }
    Reading const now{tick, *cells[i]};
    Reading& last = last_[all.counter[*index]];
    auto const before = last.tick != no_reading.tick
                            ? std::optional(last)
                            : reading_before_first(tick, step, start_ns, previous_tick);
    if (before)
      if (auto const made = counter_step(*before, now, step); made && made->per_second)
        figures[*index] = *made->per_second;
    if (last.tick < tick) last = now;
  }
  return figures;
}

void InstanceReadings::remember(Schema const& schema, std::span<Cell const> cells, WallTime tick) {
  Layout const& all = layout();
  last_.resize(all.counters, no_reading);
  for (std::size_t i = 0; i < schema.metrics.size() && i < cells.size(); ++i) {
    auto const index = all.of(schema.metrics[i]);
    if (!index || !cells[i] || all.kinds[*index] != FigureKind::counter) continue;
    Reading& last = last_[all.counter[*index]];
    if (last.tick < tick) last = Reading{tick, *cells[i]};
  }
}

}  // namespace dadvisor::aggregator::rollup
