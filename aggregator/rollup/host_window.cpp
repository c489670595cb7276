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
  auto& rows = rows_[tick][app];
  auto const place = std::ranges::upper_bound(
      rows, key, {}, [](InstanceRow const& other) -> EntityKey const& { return *other.key; });
  bool const up = is_up(figures);
  rows.insert(place, InstanceRow{&key, std::move(figures), up});
}

void HostWindow::replace(WallTime tick, AppNumber app, std::span<InstanceRow const> rows) {
  if (rows.empty()) {
    if (auto const apps = rows_.find(tick); apps != rows_.end()) apps->second.erase(app);
  } else {
    rows_[tick][app].assign(rows.begin(), rows.end());
  }
}

void HostWindow::drop_figures(WallTime until) {
  auto tick = rows_.upper_bound(figures_after_);
  for (; tick != rows_.end() && tick->first <= until; ++tick)
    for (auto& [app, rows] : tick->second)
      for (InstanceRow& row : rows) Figures().swap(row.figures);
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

std::span<InstanceRow const> HostWindow::instances(WallTime tick, AppNumber app) const {
  auto const apps = rows_.find(tick);
  if (apps == rows_.end()) return {};
  auto const rows = apps->second.find(app);
  if (rows == apps->second.end()) return {};
  return rows->second;
}

std::optional<std::vector<AppNumber>> HostWindow::apps(WallTime tick) const {
  if (tick < rows_from_) return std::nullopt;
  std::vector<AppNumber> found;
  if (auto const apps = rows_.find(tick); apps != rows_.end())
    for (auto const& [app, rows] : apps->second) found.push_back(app);
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
