#include "aggregator/rollup/host_window.hpp"

#include <algorithm>

namespace dadvisor::aggregator::rollup {

namespace {

bool is_up(Figures const& figures) {
  static std::size_t const up = *figure_index(metric::state_up);
  return figures.empty() || figures[up] != 0;
}

}  // namespace

void HostWindow::deliver(WallTime tick, Nanoseconds step) {
  if (ticks_.empty() || tick >= *ticks_.rbegin()) step_ = step;
  ticks_.insert(tick);
}

void HostWindow::add(WallTime tick, AppNumber app, EntityKey const& key, Figures figures) {
  auto& rows = rows_[tick];
  if (rows.empty()) rows.reserve(most_rows_);
  auto const before = [](InstanceRow const& a, InstanceRow const& b) {
    return a.app != b.app ? a.app < b.app : *a.key < *b.key;
  };
  bool const up = is_up(figures);
  InstanceRow row{&key, std::move(figures), up, app};
  rows.insert(std::ranges::upper_bound(rows, row, before), std::move(row));
  most_rows_ = std::max(most_rows_, rows.size());
}

void HostWindow::replace(WallTime tick, AppNumber app, std::span<InstanceRow const> rows) {
  auto& all = rows_[tick];
  auto const its = std::ranges::equal_range(all, app, {}, &InstanceRow::app);
  auto const at = all.insert(all.erase(its.begin(), its.end()), rows.begin(), rows.end());
  for (InstanceRow& row : std::span(at, rows.size())) row.app = app;
}

void HostWindow::drop_figures(WallTime until) {
  auto tick = rows_.upper_bound(figures_after_);
  for (; tick != rows_.end() && tick->first <= until; ++tick)
    for (InstanceRow& row : tick->second) Figures().swap(row.figures);
  figures_after_ = std::max(figures_after_, until);
}

void HostWindow::drop_rows_before(WallTime tick) {
  rows_.erase(rows_.begin(), rows_.lower_bound(tick));
  rows_from_ = std::max(rows_from_, tick);
}

void HostWindow::drop_ticks_before(WallTime tick) {
  ticks_.erase(ticks_.begin(), ticks_.lower_bound(tick));
}

std::optional<WallTime> HostWindow::newest() const {
  if (ticks_.empty()) return std::nullopt;
  return *ticks_.rbegin();
}

std::optional<WallTime> HostWindow::previous(WallTime tick) const {
  auto const found = ticks_.lower_bound(tick);
  if (found == ticks_.begin()) return std::nullopt;
  return *std::prev(found);
}

std::optional<WallTime> HostWindow::expected_from(WallTime tick) const {
  if (delivered(tick)) return tick;
  auto const last = previous(tick);
  if (!last || tick - *last > live_steps * step_) return std::nullopt;
  return last;
}

std::span<InstanceRow const> HostWindow::instances(WallTime tick) const {
  auto const rows = rows_.find(tick);
  return rows == rows_.end() ? std::span<InstanceRow const>() : rows->second;
}

std::span<InstanceRow const> HostWindow::instances(WallTime tick, AppNumber app) const {
  auto const its = std::ranges::equal_range(instances(tick), app, {}, &InstanceRow::app);
  return {its.begin(), its.end()};
}

std::optional<std::vector<AppNumber>> HostWindow::apps(WallTime tick) const {
  if (tick < rows_from_) return std::nullopt;
  std::vector<AppNumber> found;
  for (InstanceRow const& row : instances(tick))
    if (found.empty() || found.back() != row.app) found.push_back(row.app);
  return found;
}

std::optional<Nanoseconds> common_step(std::span<HostWindow const* const> hosts, WallTime tick) {
  std::optional<Nanoseconds> longest;
  for (HostWindow const* host : hosts)
    if (host->expected_from(tick)) longest = std::max(longest.value_or(host->step()), host->step());
  return longest;
}

std::optional<RollupRow> roll_up_app(std::span<HostWindow const* const> hosts, AppNumber app,
                                     WallTime tick) {
  auto const step = common_step(hosts, tick);
  if (!step || tick != tick_of(tick, *step)) return std::nullopt;
  std::vector<Figures const*> figures;
  std::size_t expected = 0, rows = 0;
  for (HostWindow const* host : hosts) {
    auto const from = host->expected_from(tick);
    if (!from) continue;
    for (InstanceRow const& row : host->instances(*from, app)) {
      ++rows;
      if (row.up) ++expected;
      if (*from == tick) figures.push_back(&row.figures);
    }
  }
  if (rows == 0) return std::nullopt;
  return roll_up(figures, static_cast<double>(expected), *step);
}

}  // namespace dadvisor::aggregator::rollup
