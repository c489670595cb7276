#include "aggregator/series/foreign_values.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "aggregator/rollup/window_row.hpp"
#include "common/core/foreign.hpp"

namespace dadvisor::aggregator::series {
namespace {

using graphite::AggregationMethod;
using graphite::Archives;

std::int64_t floor_by(std::int64_t time, std::int64_t step) { return time - time % step; }

std::size_t slots_of(ForeignGrid const& grid, std::int64_t step) {
  return static_cast<std::size_t>((grid.end - grid.start) / step);
}

// The point of a bucket of windows.
std::optional<double> point_of(graphite::StorageAggregation const& how,
                               rollup::WindowFigure const& figure, double expected) {
  if (figure.count == 0 || figure.count / expected < how.x_files_factor) return std::nullopt;
  bool const least_is_greater = std::abs(figure.min) > std::abs(figure.max);
  switch (how.method) {
    case AggregationMethod::average:
      return figure.sum / figure.count;
    case AggregationMethod::sum:
      return figure.sum;
    case AggregationMethod::last:
      return figure.last;
    case AggregationMethod::max:
      return figure.max;
    case AggregationMethod::min:
      return figure.min;
    case AggregationMethod::avg_zero:
      return figure.sum / expected;
    case AggregationMethod::absmax:
      return least_is_greater ? figure.min : figure.max;
    case AggregationMethod::absmin:  // of values on both sides of 0 only these two are known
      return least_is_greater ? figure.max : figure.min;
  }
  return std::nullopt;
}

// The values of the finest archive become those of the grid's, archive by archive.
void coarsen(ForeignGrid const& grid, std::vector<double>& values) {
  for (std::size_t level = 1; level < grid.steps.size(); ++level) {
    auto const group = static_cast<std::size_t>(grid.steps[level] / grid.steps[level - 1]);
    std::vector<double> coarse;
    for (std::size_t first = 0; first + group <= values.size(); first += group)
      coarse.push_back(
          graphite::aggregate_points(grid.aggregation, std::span(values).subspan(first, group))
              .value_or(graphite::absent));
    values = std::move(coarse);
  }
}

Result<void> read_raw(store::Store const& store, store::SpillReads& raw,
                      store::EntityInfo const& entity, std::span<ForeignRead const> reads) {
  std::vector<MetricId> columns;
  std::int64_t from = reads.front().grid->start, until = reads.front().grid->end;
  for (ForeignRead const& read : reads) {
    columns.push_back(foreign_column(read.column));
    from = std::min(from, read.grid->start);
    until = std::max(until, read.grid->end);
    read.values->assign(slots_of(*read.grid, read.grid->steps.front()), graphite::absent);
  }
  auto const scanned = store.scan(
      entity.id, columns, from_unix_seconds(from), from_unix_seconds(until) - Nanoseconds(1),
      [&](WallTime tick, std::span<Cell const> cells) {
        auto const time = unix_seconds(tick);
        for (std::size_t i = 0; i < reads.size(); ++i) {
          auto const& grid = *reads[i].grid;
          if (cells[i] && time >= grid.start && time < grid.end)
            (*reads[i].values)[static_cast<std::size_t>((time - grid.start) / grid.steps.front())] =
                cell_real(*cells[i]);
        }
      },
      &raw);
  if (!scanned) return scanned;
  for (ForeignRead const& read : reads) coarsen(*read.grid, *read.values);
  return {};
}

Result<void> read_windows_of(store::Tier tier, rollup::TierReader& reader,
                             store::EntityInfo const& entity, std::span<ForeignRead const> reads) {
  rollup::WindowLayout const layout(EntityKind::foreign, entity.columns);
  std::int64_t from = reads.front().grid->start, until = reads.front().grid->end;
  std::vector<std::vector<rollup::WindowFigure>> buckets;
  std::vector<std::size_t> places;
  for (ForeignRead const& read : reads) {
    from = std::min(from, read.grid->start);
    until = std::max(until, read.grid->end);
    buckets.emplace_back(slots_of(*read.grid, read.grid->step));
    places.push_back(layout.place(foreign_column(read.column)));
  }
  auto const done = reader.read(
      tier, entity, layout, from_unix_seconds(from), from_unix_seconds(until) - Nanoseconds(1),
      [&](rollup::WindowRow const& row) {
        auto const time = unix_seconds(row.window);
        for (std::size_t i = 0; i < reads.size(); ++i) {
          auto const& grid = *reads[i].grid;
          if (places[i] == layout.columns().size() || time < grid.start || time >= grid.end)
            continue;
          buckets[i][static_cast<std::size_t>((time - grid.start) / grid.step)].take(
              row.figures[places[i]]);
        }
      });
  if (!done) return done;
  for (std::size_t i = 0; i < reads.size(); ++i) {
    auto const& grid = *reads[i].grid;
    auto const expected =
        std::max(1.0, static_cast<double>(grid.step) / static_cast<double>(grid.steps.front()));
    reads[i].values->assign(buckets[i].size(), graphite::absent);
    for (std::size_t k = 0; k < buckets[i].size(); ++k)
      (*reads[i].values)[k] =
          point_of(grid.aggregation, buckets[i][k], expected).value_or(graphite::absent);
  }
  return {};
}

}  // namespace

std::optional<ForeignGrid> foreign_grid(store::Store const& store,
                                        graphite::CarbonFiles const& files, std::string_view path,
                                        std::int64_t entity_step, graphite::Window const& window) {
  Archives archives = files.schemas.archives(path);
  // A path keeps the step that it had at first; what the files say of another one is not for it.
  if (archives.front().step != entity_step)
    archives = {
        {entity_step, std::max<std::int64_t>(1, archives.back().retention() / entity_step)}};
  auto const oldest = window.now - archives.back().retention();
  if (window.from > window.now || window.until < oldest) return std::nullopt;
  auto const from = std::max(window.from, oldest), until = std::min(window.until, window.now);
  ForeignGrid grid;
  grid.aggregation = files.aggregations.of(path);
  for (graphite::Archive const& archive : archives) {
    grid.steps.push_back(archive.step);
    if (archive.retention() >= window.now - from) break;
  }
  grid.step = grid.steps.back();
  auto const reaches = [&](Nanoseconds retention) {
    return from_unix_seconds(from) >= from_unix_seconds(window.now) - retention;
  };
  if (!reaches(store.retention())) {
    grid.tier = reaches(store.plan(store::Tier::minute).retention) ? store::Tier::minute
                                                                   : store::Tier::ten_minutes;
    auto const tier_window =
        std::chrono::duration_cast<std::chrono::seconds>(store.plan(*grid.tier).window).count();
    grid.step = std::lcm(grid.step, tier_window);
  }
  grid.start = floor_by(from, grid.step) + grid.step;
  grid.end = std::max(floor_by(until, grid.step), grid.start) + grid.step;
  return grid;
}

Result<void> read_foreign(store::Store const& store, store::SpillReads& raw,
                          rollup::TierReader& reader, store::EntityInfo const& entity,
                          std::span<ForeignRead const> reads) {
  std::map<std::optional<store::Tier>, std::vector<ForeignRead>> by_tier;
  for (ForeignRead const& read : reads) by_tier[read.grid->tier].push_back(read);
  for (auto const& [tier, its] : by_tier) {
    auto const done =
        tier ? read_windows_of(*tier, reader, entity, its) : read_raw(store, raw, entity, its);
    if (!done) return done;
  }
  return {};
}

}  // namespace dadvisor::aggregator::series
