// The part of the engine that makes rows of what is in memory and puts them.

#include <algorithm>

#include "aggregator/rollup/engine.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

// As the store keeps it: its figures, and its step behind them.
std::pair<Schema, Cells> stored_form(RollupRow const& row) {
  std::pair<Schema, Cells> made{Schema{row.columns}, {}};
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

void RollupEngine::put_open_totals() {
  for (auto tick = dirty_totals_.end(); tick != dirty_totals_.begin();) {
    --tick;
    if (!in_memory(tick->first)) continue;
    std::erase_if(tick->second, [&](Cluster const& cluster) {
      // Its apps come first; a later flush() ends with the total.
      if (has_dirty_app(tick->first, cluster)) return false;
      std::vector<RollupRow const*> rows;
      auto const& made = rows_[tick->first];
      for (AppNumber const number : apps_of(cluster))
        if (auto const row = made.find(number); row != made.end()) rows.push_back(&row->second);
      auto ranked = open_figures(cluster, tick->first);
      put_total(cluster, tick->first, rows, ranked);
      return true;
    });
    if (tick->second.empty()) tick = dirty_totals_.erase(tick);
  }
}

RankedFigures RollupEngine::open_figures(Cluster const& cluster, WallTime tick) const {
  RankedFigures ranked;
  for (auto const& [name, its_host] : hosts_)
    for (InstanceRow const& row : its_host.window.instances(tick))
      if (apps_[row.app].cluster == cluster) ranked.take(row.figures);
  return ranked;
}

void RollupEngine::put_total(Cluster const& cluster, WallTime tick,
                             std::span<RollupRow const* const> rows, RankedFigures& ranked) {
  Nanoseconds step = cluster_step(cluster, tick);
  for (RollupRow const* row : rows) step = std::max(step, row->window);
  if (rows.empty() || step <= Nanoseconds::zero() || tick != tick_of(tick, step)) return;
  RollupRow total = merge(rows, step);
  ranked.put_into(total);
  auto const [schema, cells] = stored_form(total);
  ++counters_.total_rows;
  store_->put(EntityKey{EntityKind::total, cluster, {}, 0}, Labels{{"cluster", cluster}}, tick,
              step, schema, cells);
}

}  // namespace dadvisor::aggregator::rollup
