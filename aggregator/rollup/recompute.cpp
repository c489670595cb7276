// The half of the engine that speaks to the store: rows put, and ticks rolled up again from raw
// rows.

#include <algorithm>
#include <deque>

#include "aggregator/rollup/engine.hpp"
#include "aggregator/rollup/entity_directory.hpp"
#include "aggregator/rollup/ranked_figures.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

// Dirty ticks of an app that lie closer together are read by one scan, up to so many.
constexpr Nanoseconds scan_gap = std::chrono::minutes(5);
constexpr std::size_t ticks_per_scan = 64;
// No host's step is longer, or its rates reach further back.
constexpr Nanoseconds longest_reach = std::chrono::hours(1);
// Rows of all the apps of a cluster at so many ticks are held at once to be merged.
constexpr std::size_t ticks_per_total = 12;

// As the store keeps it: its figures, and its step behind them.
std::pair<Schema, std::vector<Cell>> stored_form(RollupRow const& row) {
  std::pair<Schema, std::vector<Cell>> made{Schema{row.columns}, {}};
  made.second.reserve(row.values.size() + 1);
  for (double const value : row.values) made.second.push_back(real_cell(value));
  made.first.metrics.push_back(row_step_column);
  made.second.push_back(Cell{row.window.count()});
  return made;
}

}  // namespace

void RollupEngine::merge_open(WallTime tick, AppNumber number) {
  std::vector<HostWindow const*> windows;
  for (auto const& [name, its_host] : apps_[number].hosts) windows.push_back(&its_host->window);
  ++counters_.merged_rows;
  put_app(number, tick, roll_up_app(windows, number, tick));
}

bool RollupEngine::recompute_dirty(WallTime now, std::size_t& budget) {
  // Who sends what was kept makes the same ticks dirty batch after batch, and each changes those
  // behind it: what was mended in the middle of that would be mended again.
  if (dirty_.empty() || dirty_.begin()->first > closed_)
    late_since_.reset();
  else if (!late_since_)
    late_since_ = now;
  bool const mend_closed = late_since_ && now - *late_since_ >= options_.late_spacing;
  bool mended = false;
  HostTicks host_ticks(*store_);
  while (!dirty_.empty()) {
    WallTime const newest = dirty_.rbegin()->first;
    if (newest <= closed_ && !mend_closed) break;
    if (budget == 0) return true;
    AppNumber const number = *dirty_.rbegin()->second.begin();
    std::set<WallTime> ticks;
    WallTime last = newest;
    for (auto tick = dirty_.end(); tick != dirty_.begin() && ticks.size() < ticks_per_scan;) {
      --tick;
      if ((tick->first <= closed_ && !mend_closed) || last - tick->first > scan_gap) break;
      if (!tick->second.erase(number)) continue;
      last = tick->first;
      ticks.insert(tick->first);
      mended = mended || tick->first <= closed_;
      if (tick->second.empty()) tick = dirty_.erase(tick);
    }
    recompute(number, ticks, host_ticks, budget);
  }
  if (mended) late_since_.reset();
  return false;
}

void RollupEngine::recompute(AppNumber number, std::set<WallTime> const& ticks,
                             HostTicks& host_ticks, std::size_t& budget) {
  App const& its_app = apps_[number];
  std::vector<RawHost> hosts;
  std::map<Host*, std::size_t> host_index;
  for (auto const& [name, its_host] : its_app.hosts) {
    host_index.emplace(its_host, hosts.size());
    hosts.push_back(RawHost{&its_host->name, its_host->entity, its_host->step});
  }
  std::vector<RawInstance> instances;
  for (store::EntityId const id : its_app.instances) {
    Instance const& known = instances_.at(id);
    Nanoseconds const reach = std::max(longest_hole, live_steps) * known.host->step;
    if (known.last_tick < *ticks.begin() - reach) continue;
    instances.push_back(RawInstance{id, &known.key, host_index.at(known.host)});
  }
  EntityKey const key{EntityKind::app, its_app.cluster, its_app.name, 0};
  std::deque<EntityKey> keys;
  auto const dead = visit_dead_instances(
      *store_, key, *ticks.begin() - longest_reach, *ticks.rbegin(),
      [&](store::EntityInfo const& info) -> Result<void> {
        if (its_app.instances.contains(info.id)) return {};
        auto& its_host = host(info.entity.key.host);
        auto const [place, added] = host_index.try_emplace(&its_host, hosts.size());
        if (added) hosts.push_back(RawHost{&its_host.name, its_host.entity, its_host.step});
        keys.push_back(info.entity.key);
        instances.push_back(RawInstance{info.id, &keys.back(), place->second});
        return {};
      });
  auto const read = dead ? read_windows(*store_, host_ticks, hosts, instances, number, ticks)
                         : Result<RawWindows>(dead.error());
  if (!read) {
    ++counters_.read_failures;
    log_.warning("cannot roll up {} again: {}", printable(its_app.name), to_string(read.error()));
    return;
  }
  std::size_t const cost = read->rows + ticks.size();
  budget -= std::min(budget, cost);
  std::vector<HostWindow const*> windows;
  for (HostWindow const& window : read->hosts) windows.push_back(&window);
  for (WallTime const tick : ticks) {
    ++counters_.recomputed_rows;
    put_app(number, tick, roll_up_app(windows, number, tick));
    if (tick <= let_go_) continue;
    // The total's order statistics need every instance, and late ones are in no window yet.
    for (auto const& [its_host, index] : host_index)
      its_host->window.replace(tick, number, read->hosts[index].instances(tick, number));
  }
}

bool RollupEngine::has_row(App const& its_app, WallTime tick) const {
  if (its_app.entity == store::absent_entity) return false;
  bool found = false;
  auto const scanned = store_->scan(its_app.entity, rollup_columns(), tick, tick,
                                    [&](WallTime, std::span<Cell const>) { found = true; });
  return scanned && found;
}

void RollupEngine::put_app(AppNumber number, WallTime tick, std::optional<RollupRow> made) {
  if (!made) {
    // A silent host's instances were expected, and now it said that it has none. Rows are never
    // taken back, so one stays that says so.
    if (!has_row(apps_[number], tick)) return;
    made = roll_up({}, 0, apps_[number].step);
  }
  RollupRow const& row = *made;
  App& its_app = apps_[number];
  auto const [schema, cells] = stored_form(row);
  LabelsWriter labels;
  labels.add("app", its_app.name);
  labels.add("cluster", its_app.cluster);
  if (!its_app.owner.empty()) labels.add("owner", its_app.owner);
  EntityKey const key{EntityKind::app, its_app.cluster, its_app.name, 0};
  its_app.entity = store_->put(key, labels.take(), tick, row.window, schema, cells);
  its_app.step = row.window;
  if (tick > let_go_) rows_[tick][number] = row;
  dirty_totals_[tick].insert(its_app.cluster);
}

Nanoseconds RollupEngine::cluster_step(Cluster const& cluster, WallTime tick) const {
  Nanoseconds longest{};
  for (App const& its_app : apps_) {
    if (its_app.cluster != cluster) continue;
    for (auto const& [name, its_host] : its_app.hosts)
      if (its_host->last_tick + live_steps * its_host->step >= tick)
        longest = std::max(longest, its_host->step);
  }
  return longest;
}

// By name: the order in which they were first seen would round sums in another way each time.
std::vector<AppNumber> RollupEngine::apps_of(Cluster const& cluster) const {
  std::vector<AppNumber> numbers;
  for (auto app = app_numbers_.lower_bound({cluster, {}});
       app != app_numbers_.end() && app->first.first == cluster; ++app)
    numbers.push_back(app->second);
  return numbers;
}

bool RollupEngine::put_totals(WallTime now, std::size_t& budget) {
  std::map<Cluster, std::set<WallTime>> stored;  // merged from what the store has
  bool more = false;
  // What is not in memory is read back, the rows of every instance. So totals that late hosts
  // change are not put at each of their batches.
  bool const mend = now - totals_done_ >= options_.late_spacing;
  bool mended = false;
  for (auto tick = dirty_totals_.end(); tick != dirty_totals_.begin();) {
    --tick;
    bool const in_memory = tick->first > let_go_ && tick->first > memory_from_;
    bool const late = tick->first > std::max(memory_from_, closed_) && !in_memory;
    if (late && !mend) continue;
    auto const unfinished = dirty_.find(tick->first);
    std::erase_if(tick->second, [&](Cluster const& cluster) {
      // Its apps come first; a later flush() ends with the total.
      if (unfinished != dirty_.end())
        for (AppNumber const number : unfinished->second)
          if (apps_[number].cluster == cluster) return false;
      if (!in_memory) {
        auto& ticks = stored[cluster];
        if (ticks.size() == ticks_per_total || budget == 0) {
          more = true;
          return false;
        }
        ticks.insert(tick->first);
        mended = mended || late;
        return true;
      }
      std::vector<RollupRow const*> rows;
      auto const& made = rows_[tick->first];
      for (AppNumber const number : apps_of(cluster))
        if (auto const row = made.find(number); row != made.end()) rows.push_back(&row->second);
      put_total(cluster, tick->first, rows, open_figures(cluster, tick->first));
      return true;
    });
    if (tick->second.empty()) tick = dirty_totals_.erase(tick);
  }
  for (auto const& [cluster, ticks] : stored) {
    auto const figures = stored_figures(cluster, ticks, budget);
    for (auto const& [tick, rows] : stored_rows(cluster, ticks, budget)) {
      std::vector<RollupRow const*> pointers;
      for (RollupRow const& row : rows) pointers.push_back(&row);
      std::vector<Figures const*> instances;
      if (auto const found = figures.find(tick); found != figures.end())
        for (Figures const& one : found->second) instances.push_back(&one);
      put_total(cluster, tick, pointers, instances);
    }
  }
  if (mended && !more) totals_done_ = now;
  return more;
}

std::vector<Figures const*> RollupEngine::open_figures(Cluster const& cluster,
                                                       WallTime tick) const {
  std::vector<Figures const*> found;
  for (auto const& [name, its_host] : hosts_)
    for (AppNumber const number : its_host.window.apps(tick).value_or(std::vector<AppNumber>{}))
      if (apps_[number].cluster == cluster)
        for (InstanceRow const& row : its_host.window.instances(tick, number))
          found.push_back(&row.figures);
  return found;
}

std::map<WallTime, std::vector<Figures>> RollupEngine::stored_figures(
    Cluster const& cluster, std::set<WallTime> const& ticks, std::size_t& budget) {
  std::map<WallTime, std::vector<Figures>> found;
  if (ticks.empty()) return found;
  HostTicks host_ticks(*store_);
  RawFigures reader(*store_, host_ticks, ranked_schema(), ticks);
  std::map<Host const*, HostWindow> windows;
  auto const read = [&](store::EntityId id, EntityKey const& key, Host const* of) -> Result<void> {
    RawHost const its_host{&of->name, of->entity, of->step};
    auto const [window, added] = windows.try_emplace(of);
    if (added)
      if (auto done = reader.read_host(its_host, window->second); !done) return done;
    return reader.read(RawInstance{id, &key, 0}, its_host.step, window->second,
                       [&](WallTime tick, Figures figures) {
                         if (ticks.contains(tick)) found[tick].push_back(std::move(figures));
                       });
  };
  auto const failed = [&](std::string_view what, Error const& error) {
    ++counters_.read_failures;
    log_.warning("cannot read {} for its cluster's order statistics: {}", printable(what),
                 to_string(error));
  };
  for (AppNumber const number : apps_of(cluster))
    for (store::EntityId const id : apps_[number].instances) {
      Instance const& known = instances_.at(id);
      if (known.last_tick < *ticks.begin()) continue;
      if (auto const done = read(id, known.key, known.host); !done)
        failed(apps_[number].name, done.error());
    }
  EntityKey const total{EntityKind::total, cluster, {}, 0};
  auto const dead =
      visit_dead_instances(*store_, total, *ticks.begin(), *ticks.rbegin(),
                           [&](store::EntityInfo const& info) -> Result<void> {
                             if (instances_.contains(info.id)) return {};
                             return read(info.id, info.entity.key, &host(info.entity.key.host));
                           });
  if (!dead) failed(cluster, dead.error());
  budget -= std::min(budget, reader.rows());
  return found;
}

std::map<WallTime, std::vector<RollupRow>> RollupEngine::stored_rows(
    Cluster const& cluster, std::set<WallTime> const& ticks, std::size_t& budget) {
  std::map<WallTime, std::vector<RollupRow>> found;
  if (ticks.empty()) return found;
  std::vector<MetricId> columns(rollup_columns().begin(), rollup_columns().end());
  std::size_t const figures = columns.size();
  columns.push_back(row_step_column);
  for (AppNumber const number : apps_of(cluster)) {
    App const& its_app = apps_[number];
    if (its_app.entity == store::absent_entity) continue;
    auto const scanned = store_->scan(its_app.entity, columns, *ticks.begin(), *ticks.rbegin(),
                                      [&](WallTime tick, std::span<Cell const> cells) {
                                        budget -= std::min<std::size_t>(budget, 1);
                                        if (!ticks.contains(tick)) return;
                                        RollupRow& row = found[tick].emplace_back();
                                        row.window = its_app.step;
                                        if (cells[figures])
                                          row.window = Nanoseconds(*cells[figures]);
                                        for (std::size_t i = 0; i < figures; ++i) {
                                          if (!cells[i]) continue;
                                          row.columns.push_back(columns[i]);
                                          row.values.push_back(cell_real(*cells[i]));
                                        }
                                      });
    if (!scanned) {
      ++counters_.read_failures;
      log_.warning("cannot read {} for its total: {}", printable(its_app.name),
                   to_string(scanned.error()));
    }
  }
  return found;
}

void RollupEngine::put_total(Cluster const& cluster, WallTime tick,
                             std::span<RollupRow const* const> rows,
                             std::span<Figures const* const> instances) {
  Nanoseconds step = cluster_step(cluster, tick);
  for (RollupRow const* row : rows) step = std::max(step, row->window);
  if (rows.empty() || step <= Nanoseconds::zero() || tick != tick_of(tick, step)) return;
  RollupRow total = merge(rows, step);
  RankedFigures ranked(step);
  ranked.expect(instances.size());
  for (Figures const* figures : instances) ranked.take(*figures);
  ranked.put_into(total);
  auto const [schema, cells] = stored_form(total);
  ++counters_.total_rows;
  store_->put(EntityKey{EntityKind::total, cluster, {}, 0}, Labels{{"cluster", cluster}}, tick,
              step, schema, cells);
}

}  // namespace dadvisor::aggregator::rollup
