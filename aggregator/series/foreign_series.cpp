#include "aggregator/series/foreign_series.hpp"

#include <algorithm>

#include "common/core/foreign.hpp"

namespace dadvisor::aggregator::series {
namespace {

// The points are the values: one row of the store each.
bool is_plain(ForeignGrid const& grid) { return !grid.tier && grid.steps.size() == 1; }

bool same_slots(ForeignGrid const& a, ForeignGrid const& b) {
  return is_plain(b) && a.start == b.start && a.end == b.end && a.step == b.step;
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
    for (std::size_t row = 0; row < count; ++row) slots[row] = cell_real(column.values[row]);
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
  std::vector<double>& values(std::size_t place) { return slots_[place]; }

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

graphite::Series ForeignSeries::named(std::size_t place) const {
  Shape const its = shape(place);
  graphite::Series series;
  series.name = leaves_[place].path;
  series.path_expression = pattern_;
  series.tags = {{"name", series.name}};
  series.start = its.start;
  series.end = its.end;
  series.step = its.step;
  return series;
}

// Leaves from `first` on that are of the same entity; they stand beside each other.
std::size_t ForeignSeries::of_entity(std::size_t first) const {
  std::size_t last = first + 1;
  while (last < size() && leaves_[last].entity->id == leaves_[first].entity->id) ++last;
  return last;
}

// How many entities from that of [first, last) on are read as it is.
std::size_t ForeignSeries::alike(std::size_t first, std::size_t last) const {
  std::size_t const width = last - first;
  auto const like = [&](std::size_t begin) {
    if (begin + width > size() || of_entity(begin) != begin + width) return false;
    for (std::size_t i = 0; i < width; ++i)
      if (leaves_[begin + i].column != leaves_[first + i].column ||
          !same_slots(leaves_[first].grid, leaves_[begin + i].grid))
        return false;
    return true;
  };
  // As many as are read in a few milliseconds: between two reads a query may be stopped.
  constexpr std::size_t most_values = 1'000'000;
  auto const most = std::max<std::size_t>(
      1, most_values / (width * std::max<std::size_t>(1, shape(first).values())));
  std::size_t count = 0;
  while (count < most && like(first + count * width)) ++count;
  return count;
}

Result<void> ForeignSeries::each(Visitor const& visit) const {
  Reader reader(*this);
  for (std::size_t first = 0; first < size();) {
    if (auto const still = graphite::go_on(budget_); !still) return still;
    std::size_t const last = of_entity(first), width = last - first;
    auto const show = [&](std::size_t place) {
      for (std::size_t i = 0; i < width; ++i) visit(place + i, reader.values(i));
    };
    std::size_t const count = alike(first, last);
    if (count > 0) {
      if (auto const done = reader.read_alike(first, last, count, show); !done) return done;
      first += count * width;
    } else {
      if (auto const done = reader.read(first, last); !done) return done;
      show(first);
      first = last;
    }
  }
  return {};
}

Result<std::vector<graphite::Series>> ForeignSeries::take(
    std::span<std::size_t const> places) const {
  std::vector<graphite::Series> series;
  series.reserve(places.size());
  Reader reader(*this);
  for (std::size_t const place : places) {
    if (auto const still = graphite::go_on(budget_); !still) return still.error();
    auto const charged = graphite::charge(budget_, 1, shape(place).values());
    if (!charged) return charged.error();
    if (auto const done = reader.read(place, place + 1); !done) return done.error();
    series.push_back(named(place));
    series.back().values = std::move(reader.values(0));
  }
  return series;
}

Result<std::vector<graphite::Series>> ForeignSeries::take_all() const {
  std::size_t points = 0;
  for (std::size_t place = 0; place < size(); ++place) points += shape(place).values();
  auto const charged = graphite::charge(budget_, size(), points);
  if (!charged) return charged.error();
  std::vector<graphite::Series> series;
  series.reserve(size());
  auto const done = each([&](std::size_t place, std::span<double const> values) {
    series.push_back(named(place));
    series.back().values.assign(values.begin(), values.end());
  });
  if (!done) return done.error();
  return series;
}

}  // namespace dadvisor::aggregator::series
