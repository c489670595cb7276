// The part of the engine that rolls ticks up again from the store's raw rows.
//
// Some ticks of a cluster at a time, app after app: each instance is read once for all of them, for
// its app's rows and for the order statistics of the total alike. So of one flush() what is read is
// bounded, and a mending goes on where the last one ended: what came meanwhile made its ticks dirty
// again and is seen by a later one.

#include <algorithm>
#include <deque>

#include "aggregator/rollup/app_ticks.hpp"
#include "aggregator/rollup/engine.hpp"
#include "aggregator/rollup/entity_directory.hpp"
#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/rollup/raw_figures.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

// Dirty ticks that lie closer together are read by one scan.
constexpr Nanoseconds scan_gap = std::chrono::minutes(5);
// No host's step is longer, or its rates reach further back.
constexpr Nanoseconds longest_reach = std::chrono::hours(1);
// So many ticks are mended at once, fewer where there are many instances: of each one at each tick
// a value per ranked metric is in memory.
constexpr std::size_t most_ticks = 360, least_ticks = 4;
constexpr std::size_t most_values = 1 << 17;  // of one metric
// Rows of apps that are in memory at once to be merged.
constexpr std::size_t most_app_rows = 2048;

// Far enough before a tick that its rates and its expected instances are as in a live window.
Nanoseconds reach(Nanoseconds step) { return std::max(longest_hole, live_steps) * step; }

// A row of an instance as a window has it.
InstanceRow row_of(RawInstance const& instance, FigureColumns const& columns, std::size_t row) {
  static std::size_t const state_up = *figure_index(metric::state_up);
  InstanceRow made{instance.key, Figures(columns.size(), std::numeric_limits<double>::quiet_NaN())};
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!columns[i].empty()) made.figures[i] = columns[i][row];
  made.up = made.figures[state_up] != 0;
  return made;
}

}  // namespace

// What the reads of one flush() share; it does not outlive that, as rows come behind it.
struct RollupEngine::MendingReads {
  MendingReads(store::Store const& store)
      : host_ticks(store),
        all(store, figure_schema(), files),
        ranked(store, ranked_schema(), files) {}

  HostTicks host_ticks;
  std::map<Host const*, Deliveries> deliveries;
  store::SpillReads files;
  RawFigures all, ranked;
};

bool RollupEngine::mend(WallTime now, std::size_t& budget) {
  // Who sends what was kept makes the same ticks dirty batch after batch, and each changes those
  // behind it: what was mended in the middle of that would be mended again.
  if (dirty_.empty() || dirty_.begin()->first > closed_)
    late_since_.reset();
  else if (!late_since_)
    late_since_ = now;
  bool const closed = late_since_ && now - *late_since_ >= options_.late_spacing;
  // All instances are read for a total: those that late hosts change are not made at each batch.
  bool const totals = now - totals_done_ >= options_.late_spacing;
  std::optional<MendingReads> reads;
  bool mended_closed = false, mended_totals = false;
  while (mending_ || begin_mending(closed, totals)) {
    if (budget == 0) return true;
    if (!reads) reads.emplace(*store_);
    reads->deliveries.clear();  // they are those of the ticks
    while (mending_->next < mending_->apps.size()) {
      if (budget == 0) return true;
      mend_app(mending_->apps[mending_->next++], *reads, budget);
    }
    mended_totals = put_mended_totals(budget) || mended_totals;
    mended_closed = mended_closed || mending_->ticks.front() <= closed_;
    mending_.reset();
  }
  if (mended_closed) late_since_.reset();
  if (mended_totals) totals_done_ = now;
  return false;
}

bool RollupEngine::in_memory(WallTime tick) const { return tick > let_go_ && tick > memory_from_; }

bool RollupEngine::is_late(WallTime tick) const {
  return tick > std::max(memory_from_, closed_) && !in_memory(tick);
}

bool RollupEngine::has_dirty_app(WallTime tick, Cluster const& cluster) const {
  auto const dirty = dirty_.find(tick);
  return dirty != dirty_.end() && std::ranges::any_of(dirty->second, [&](AppNumber number) {
           return apps_[number].cluster == cluster;
         });
}

std::optional<AppNumber> RollupEngine::raw_app(WallTime tick, Cluster const* cluster) const {
  auto const dirty = dirty_.find(tick);
  if (dirty == dirty_.end()) return std::nullopt;
  for (AppNumber const number : dirty->second)
    if (!from_memory(tick, number) && (!cluster || apps_[number].cluster == *cluster))
      return number;
  return std::nullopt;
}

// The newest ticks that are due, of one cluster.
bool RollupEngine::begin_mending(bool closed, bool late_totals) {
  Mending made;
  std::size_t limit = most_ticks;
  auto app = dirty_.upper_bound(gathered_);
  auto total = dirty_totals_.upper_bound(gathered_);
  while ((app != dirty_.begin() || total != dirty_totals_.begin()) && made.ticks.size() < limit) {
    auto const last_app = app == dirty_.begin() ? WallTime::min() : std::prev(app)->first;
    auto const last_total =
        total == dirty_totals_.begin() ? WallTime::min() : std::prev(total)->first;
    WallTime const tick = std::max(last_app, last_total);
    if (tick == last_app) --app;
    if (tick == last_total) --total;
    if (!made.ticks.empty() && made.ticks.back() - tick > scan_gap) break;
    bool const apps_due = tick > closed_ || closed;
    bool const total_due = !in_memory(tick) && (late_totals || !is_late(tick));
    auto const due = [&](Cluster const& cluster) {
      if (tick == last_app && raw_app(tick, &cluster)) return apps_due;
      return total_due && tick == last_total && total->second.contains(cluster);
    };
    if (made.ticks.empty()) {
      auto const raw = tick == last_app && apps_due ? raw_app(tick, nullptr) : std::nullopt;
      if (raw) {
        made.cluster = apps_[*raw].cluster;
      } else {
        if (tick != last_total) continue;
        auto const found = std::ranges::find_if(total->second, due);
        if (found == total->second.end()) continue;
        made.cluster = *found;
      }
      std::size_t instances = 1;
      for (AppNumber const number : apps_of(made.cluster))
        instances += apps_[number].instances.size();
      limit = std::clamp(most_values / instances, least_ticks, most_ticks);
    } else if (!due(made.cluster)) {
      continue;
    }
    made.ticks.push_back(tick);
    made.total.push_back(total_due ? 1 : 0);
  }
  if (made.ticks.empty()) return false;
  std::ranges::reverse(made.ticks);
  std::ranges::reverse(made.total);
  made.ranked.resize(made.ticks.size());
  made.apps = apps_of(made.cluster);
  mending_ = std::move(made);
  return true;
}

// The app's instances that may have rows at the ticks that are mended, by host and key, and its
// hosts. `keys`: of those that are over.
Result<std::vector<RawInstance>> RollupEngine::raw_instances(AppNumber number, MendingReads& reads,
                                                             std::deque<EntityKey>& keys,
                                                             std::set<Host*>& hosts) {
  WallTime const first = mending_->ticks.front(), last = mending_->ticks.back();
  App const& its_app = apps_[number];
  std::vector<RawInstance> instances;
  Result<void> done;
  auto const deliveries = [&](Host& of) -> Deliveries* {
    hosts.insert(&of);
    auto const [found, added] = reads.deliveries.try_emplace(&of, of.step);
    Deliveries& its = found->second;
    if (!added || of.entity == store::absent_entity) return &its;
    // Twice the reach: the first rows that are read need the agent's tick before them.
    auto const ticks = reads.host_ticks.between(of.entity, first - 2 * reach(of.step), last);
    if (!ticks) {
      done = ticks.error();
      return &its;
    }
    std::vector<store::TickNs> known;
    for (WallTime const tick : **ticks) known.push_back(store::tick_ns(tick));
    its.add(known);
    return &its;
  };
  for (auto const& [name, its_host] : its_app.hosts) deliveries(*its_host);
  for (store::EntityId const id : its_app.instances) {
    Instance const& known = instances_.at(id);
    if (known.last_tick < first - reach(known.host->step)) continue;
    instances.push_back({id, &known.key, deliveries(*known.host)});
  }
  auto const dead = visit_dead_instances(
      *store_, EntityKey{EntityKind::app, its_app.cluster, its_app.name, 0}, first - longest_reach,
      last, [&](store::EntityInfo const& info) -> Result<void> {
        if (its_app.instances.contains(info.id)) return {};
        keys.push_back(info.entity.key);
        instances.push_back({info.id, &keys.back(), deliveries(host(keys.back().host))});
        return {};
      });
  if (!dead) return dead.error();
  if (!done) return done.error();
  std::ranges::sort(instances, {},
                    [](RawInstance const& one) -> EntityKey const& { return *one.key; });
  return instances;
}

void RollupEngine::mend_app(AppNumber number, MendingReads& reads, std::size_t& budget) {
  auto const& ticks = mending_->ticks;
  auto const& total = mending_->total;
  // Which of the ticks each kind of row counts for.
  std::vector<std::uint8_t> own(ticks.size(), 0), others(ticks.size(), 0);
  bool any_own = false, any_others = false;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    auto const marked = dirty_.find(ticks[i]);
    if (marked != dirty_.end() && !from_memory(ticks[i], number) && marked->second.erase(number)) {
      own[i] = 1;
      any_own = true;
      if (marked->second.empty()) dirty_.erase(marked);
    } else if (total[i] != 0) {
      others[i] = 1;  // it stands as it is, and its total needs its instances
      any_others = true;
    }
  }
  if (!any_own && !any_others) return;
  std::deque<EntityKey> keys;
  std::set<Host*> hosts;
  auto const instances = raw_instances(number, reads, keys, hosts);
  Result<void> read = instances ? Result<void>() : instances.error();
  std::vector<Deliveries*> deliveries;
  Nanoseconds longest{};
  for (Host* const its_host : hosts) {
    deliveries.push_back(&reads.deliveries.at(its_host));
    longest = std::max(longest, its_host->step);
  }
  AppTicks app(ticks, any_own ? deliveries : std::vector<Deliveries*>());
  std::map<std::pair<Deliveries*, WallTime>, std::vector<InstanceRow>> open;
  std::vector<std::uint32_t> own_places, other_places;
  RawFigures& reader = any_own ? reads.all : reads.ranked;
  std::size_t const rows_before = reader.rows();
  auto const take = [&](std::size_t at, std::span<store::TickNs const> rows,
                        FigureColumns const& columns) {
    own_places.assign(rows.size(), no_place);
    other_places.assign(rows.size(), no_place);
    auto tick = ticks.begin();
    for (std::size_t row = 0; row < rows.size(); ++row) {
      while (tick != ticks.end() && store::tick_ns(*tick) < rows[row]) ++tick;
      if (tick == ticks.end()) break;
      if (store::tick_ns(*tick) != rows[row]) continue;
      auto const place = static_cast<std::uint32_t>(tick - ticks.begin());
      if (own[place] != 0) own_places[row] = place;
      if (others[place] != 0) other_places[row] = place;
      if (own[place] != 0 && *tick > let_go_)
        open[{(*instances)[at].host, *tick}].push_back(row_of((*instances)[at], columns, row));
    }
    if (any_own) app.take((*instances)[at].host, rows, columns, own_places);
    if (any_others) RankedFigures::take(columns, other_places, mending_->ranked);
  };
  if (read) read = reader.read(*instances, ticks.front() - reach(longest), ticks.back(), take);
  if (!read) {
    ++counters_.read_failures;
    log_.warning("cannot roll up {} again: {}", printable(apps_[number].name),
                 to_string(read.error()));
    return;
  }
  std::size_t const cost = reader.rows() - rows_before + ticks.size();
  budget -= std::min(budget, cost);
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    if (own[i] == 0) continue;
    if (total[i] != 0) mending_->ranked[i].take(app.ranked(i));
    ++counters_.recomputed_rows;
    put_app(number, ticks[i], app.row(i));
    if (ticks[i] <= let_go_) continue;
    // The total's order statistics need every instance, and late ones are in no window yet.
    for (Host* const its_host : hosts)
      its_host->window.replace(ticks[i], number, open[{&reads.deliveries.at(its_host), ticks[i]}]);
  }
}

// Late totals are among them: true.
bool RollupEngine::put_mended_totals(std::size_t& budget) {
  std::vector<std::size_t> due;
  bool late = false;
  for (std::size_t i = 0; i < mending_->ticks.size(); ++i) {
    WallTime const tick = mending_->ticks[i];
    auto const marked = dirty_totals_.find(tick);
    if (mending_->total[i] == 0 || marked == dirty_totals_.end()) continue;
    // Rows came meanwhile: a later mending ends with the total.
    if (has_dirty_app(tick, mending_->cluster) || !marked->second.erase(mending_->cluster))
      continue;
    if (marked->second.empty()) dirty_totals_.erase(marked);
    due.push_back(i);
    late = late || is_late(tick);
  }
  std::size_t const at_once =
      std::max<std::size_t>(1, most_app_rows / std::max<std::size_t>(1, mending_->apps.size()));
  for (std::size_t first = 0; first < due.size(); first += at_once) {
    auto const some = std::span(due).subspan(first, std::min(at_once, due.size() - first));
    std::set<WallTime> ticks;
    for (std::size_t const i : some) ticks.insert(mending_->ticks[i]);
    auto const rows = stored_rows(mending_->cluster, ticks, budget);
    for (std::size_t const i : some) {
      auto const found = rows.find(mending_->ticks[i]);
      if (found == rows.end()) continue;
      std::vector<RollupRow const*> pointers;
      for (RollupRow const& row : found->second) pointers.push_back(&row);
      put_total(mending_->cluster, mending_->ticks[i], pointers, mending_->ranked[i]);
    }
  }
  return late;
}

std::map<WallTime, std::vector<RollupRow>> RollupEngine::stored_rows(
    Cluster const& cluster, std::set<WallTime> const& ticks, std::size_t& budget) {
  std::map<WallTime, std::vector<RollupRow>> found;
  std::vector<MetricId> columns(rollup_columns().begin(), rollup_columns().end());
  std::size_t const figures = columns.size();
  columns.push_back(row_step_column);
  std::vector<store::EntityId> ids;
  std::vector<Nanoseconds> steps;
  for (AppNumber const number : apps_of(cluster)) {
    if (apps_[number].entity == store::absent_entity) continue;
    ids.push_back(apps_[number].entity);
    steps.push_back(apps_[number].step);
  }
  store::ColumnScan scan(columns);
  auto const take = [&](std::size_t app) -> Result<void> {
    store::SelectedRows const& rows = scan.rows();
    budget -= std::min(budget, rows.ticks.size());
    for (std::size_t row = 0; row < rows.ticks.size(); ++row) {
      WallTime const tick = store::from_tick_ns(rows.ticks[row]);
      if (!ticks.contains(tick)) continue;
      RollupRow& made = found[tick].emplace_back();
      made.window = steps[app];
      if (Cell const step = rows.columns[figures].cell(row)) made.window = Nanoseconds(*step);
      made.columns.reserve(figures);
      made.values.reserve(figures);
      for (std::size_t i = 0; i < figures; ++i) {
        Cell const cell = rows.columns[i].cell(row);
        if (!cell) continue;
        made.columns.push_back(columns[i]);
        made.values.push_back(cell_real(*cell));
      }
    }
    return {};
  };
  auto const scanned = store_->scan(ids, *ticks.begin(), *ticks.rbegin(), scan, take);
  if (!scanned) {
    ++counters_.read_failures;
    log_.warning("cannot read the apps of {} for its total: {}", printable(cluster),
                 to_string(scanned.error()));
  }
  return found;
}

}  // namespace dadvisor::aggregator::rollup
