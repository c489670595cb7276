#include "aggregator/series/foreign_series.hpp"

#include <algorithm>
#include <cstring>

#include "aggregator/series/leaf_reading.hpp"
#include "common/core/foreign.hpp"

namespace dadvisor::aggregator::series {
namespace {

// The points are the values: one row of the store each.
bool has_rows(ForeignGrid const& grid) { return !grid.tier && grid.steps.size() == 1; }

bool same_slots(ForeignGrid const& a, ForeignGrid const& b) {
  return a.start == b.start && a.end == b.end && a.step == b.step;
}

std::size_t slots_of(ForeignGrid const& grid) {
  return static_cast<std::size_t>((grid.end - grid.start) / grid.step);
}

// Puts what is there of a column into the slots of its rows' ticks.
void fill(ForeignGrid const& grid, store::SelectedRows const& rows, std::size_t place,
          std::vector<double>& slots) {
  std::size_t const count = slots_of(grid);
  store::SelectedTicks const& ticks = rows.ticks;
  if (ticks.empty()) {
    slots.assign(count, graphite::absent);
    return;
  }
  store::SelectedColumn const& column = rows.columns[place];
  auto const begin = store::tick_ns(from_unix_seconds(grid.start));
  auto const step = Nanoseconds(std::chrono::seconds(grid.step)).count();
  // Whether each slot has a row, and none has two: as nearly always.
  bool const fits =
      ticks.size() == count && ticks[0] == begin && (count == 1 || ticks.step() == step);
  if (fits && column.has.empty()) {
    slots.resize(count);
    std::memcpy(slots.data(), column.values.data(), count * sizeof(double));  // as cell_real()
    return;
  }
  slots.assign(count, graphite::absent);
  for (std::size_t row = 0; row < ticks.size(); ++row) {
    auto const cell = column.cell(row);
    auto const slot = static_cast<std::size_t>((ticks[row] - begin) / step);
    if (cell && ticks[row] >= begin && slot < count) slots[slot] = cell_real(*cell);
  }
}

}  // namespace

// What reads of leaf after leaf share.
class ForeignSeries::Reader {
 public:
  explicit Reader(ForeignSeries const& series)
      : series_(series),
        host_ticks_(series.store_),
        tier_reader_(series.store_, host_ticks_,
                     [](EntityKey const&) { return store::absent_entity; }) {}

  // Reads leaves [first, last), which are of one entity, all at once.
  Result<void> read(std::size_t first, std::size_t last) {
    begin(first, last);
    std::vector<ForeignRead> reads;
    for (std::size_t i = first; i < last; ++i)
      reads.push_back({leaf(i).column, &leaf(i).grid, &slots_[i - first]});
    auto const done = read_foreign(series_.store_, raw_, tier_reader_, *leaf(first).entity, reads);
    return done ? done : done.error().within(leaf(first).path);
  }
  // Reads `count` entities from leaf `first` on, each of which has leaves [first, last) or as many
  // that are alike(): each one's rows in one go with those of the others. visit(place) when the
  // values of the leaves from `place` on stand here.
  template <typename Visit>
  Result<void> read_alike(std::size_t first, std::size_t last, std::size_t count,
                          Visit const& visit) {
    begin(first, last);
    ForeignGrid const& grid = leaf(first).grid;
    std::size_t const width = last - first;
    std::vector<MetricId> columns;
    for (std::size_t i = first; i < last; ++i) columns.push_back(foreign_column(leaf(i).column));
    std::vector<store::EntityId> ids;
    for (std::size_t i = 0; i < count; ++i) ids.push_back(leaf(first + i * width).entity->id);
    store::ColumnScan scan(columns);
    std::size_t reached = first;
    auto const done = series_.store_.scan(ids, from_unix_seconds(grid.start),
                                          from_unix_seconds(grid.end) - Nanoseconds(1), scan,
                                          [&](std::size_t i) -> Result<void> {
                                            reached = first + i * width;
                                            for (std::size_t at = 0; at < width; ++at)
                                              fill(grid, scan.rows(), at, slots_[at]);
                                            visit(reached);
                                            return {};
                                          });
    return done ? done : done.error().within(leaf(reached).path);
  }
  std::span<double const> values(std::size_t place) const { return slots_[place]; }

 private:
  OwnLeaf const& leaf(std::size_t place) const { return series_.leaves_[place]; }
  void begin(std::size_t first, std::size_t last) {
    if (slots_.size() < last - first) slots_.resize(last - first);
  }

  ForeignSeries const& series_;
  rollup::HostTicks host_ticks_;
  rollup::TierReader tier_reader_;
  store::SpillReads raw_;
  std::vector<std::vector<double>> slots_;  // of the leaves that are read at once
};

Result<std::unique_ptr<ForeignSeries>> ForeignSeries::make(
    store::Store const& store, graphite::CarbonFiles const& files, std::vector<MatchedLeaf> leaves,
    std::string_view pattern, graphite::Window const& window, std::size_t most_values) {
  std::unique_ptr<ForeignSeries> made(new ForeignSeries(store, pattern, window.budget));
  made->leaves_.reserve(leaves.size());
  if (!std::ranges::is_sorted(leaves, {}, &MatchedLeaf::own_path))
    std::ranges::sort(leaves, {}, &MatchedLeaf::own_path);
  std::size_t values = 0;
  for (MatchedLeaf& leaf : leaves) {
    constexpr std::size_t a_grid = 32;  // steps for QueryBudget::work()
    if (!graphite::work(window.budget, a_grid)) return graphite::go_on(window.budget).error();
    store::EntityInfo const& info = leaf.members->entities[leaf.leaf.place / foreign_leaves];
    auto grid = foreign_grid(store, files, leaf.own_path, foreign_step(info.entity.key), window);
    if (!grid) continue;
    values += static_cast<std::size_t>((grid->end - grid->start) / grid->steps.front());
    if (values > most_values)
      return Error{Errc::too_large, 0,
                   "more than " + std::to_string(most_values) +
                       " values are asked for: ask for a shorter time or fewer series",
                   graphite::query_limit::points};
    made->leaves_.push_back({std::move(leaf.members), &info,
                             static_cast<std::uint32_t>(leaf.leaf.place % foreign_leaves),
                             std::move(leaf.own_path), std::move(*grid)});
  }
  return made;
}

ForeignSeries::Shape ForeignSeries::shape(std::size_t place) const {
  ForeignGrid const& grid = leaves_[place].grid;
  return {grid.start, grid.end, grid.step, graphite::Consolidation::average};
}

bool ForeignSeries::of_same_rows(std::size_t a, std::size_t b) const {
  return leaves_[a].entity->id == leaves_[b].entity->id &&
         same_slots(leaves_[a].grid, leaves_[b].grid);
}

bool ForeignSeries::is_plain(std::size_t place) const { return has_rows(leaves_[place].grid); }

bool ForeignSeries::is_like(std::size_t a, std::size_t b) const {
  OwnLeaf const &one = leaves_[a], &other = leaves_[b];
  return other.column == one.column && has_rows(other.grid) && same_slots(one.grid, other.grid);
}

Result<void> ForeignSeries::each(Visitor const& visit) const {
  return LeafReading(*this).each(visit);
}

Result<std::vector<graphite::Series>> ForeignSeries::take(
    std::span<std::size_t const> places) const {
  return LeafReading(*this).take(places);
}

Result<std::vector<graphite::Series>> ForeignSeries::take_all() const {
  return LeafReading(*this).take_all();
}

}  // namespace dadvisor::aggregator::series
