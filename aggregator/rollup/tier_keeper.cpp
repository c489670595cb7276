#include "aggregator/rollup/tier_keeper.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "aggregator/rollup/window_form.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

constexpr Nanoseconds retry_after = std::chrono::seconds(30);

bool belongs(store::Tier tier, EntityKind kind) {
  return (tier == store::Tier::minute_instances) == (kind == EntityKind::container);
}

}  // namespace

void TierKeeper::work(WallTime now, std::function<bool()> const& stopping) {
  now_ = now;
  if (now - failed_ < retry_after && now >= failed_) return;
  for (store::Tier const tier : store::all_tiers)
    while (auto const period = due(tier, now))
      if (stopping() || !seal(tier, *period, stopping)) return;
  if (mended_ == WallTime()) mended_ = now;  // what a start brings is more urgent
  if (now - mended_ < options_.spacing && now >= mended_) return;
  for (store::Tier const tier : store::all_tiers) {
    // Each period once: where late rows go on coming, as they do behind an outage, the same windows
    // would be made again without an end, and those of the periods before never.
    for (auto until = std::optional(WallTime::max()); until;) {
      until = mend(tier, *until, stopping);
      if (stopping()) return;
    }
    if (auto tidied = store_.tidy_tier(tier, stopping); !tidied && !stopping())
      failed("cannot tidy a tier", tidied.error());
  }
  mended_ = now;
}

std::optional<WallTime> TierKeeper::due(store::Tier tier, WallTime now) {
  store::TierPlan const& plan = store_.plan(tier);
  WallTime period = store_.sealed_until(tier);
  if (period == WallTime::min()) {
    auto const due_at = [&] {
      return tick_of(first_tick_, plan.period) + plan.period + options_.settled_after;
    };
    // The list is large: it is looked through once a minute, and again before its word counts.
    bool const just_now = now >= looked_ && now - looked_ < options_.spacing;
    if (just_now && now < due_at()) return std::nullopt;
    looked_ = now;
    first_tick_ = now;
    // Of all kinds: a tier without rows is sealed like any other.
    auto const entities = store_.entities();
    for (store::EntityInfo const& info : *entities)
      first_tick_ = std::min(first_tick_, info.first_tick);
    auto const dead = store_.dead_groups();
    for (store::DeadGroup const& group : dead->all())
      first_tick_ = std::min(first_tick_, store::from_tick_ns(group.first));
    period = tick_of(first_tick_, plan.period);
  }
  // What would be removed at once need not be made.
  period = std::max(period, tick_of(now - plan.retention, plan.period));
  WallTime const end = period + plan.period;
  if (now < end + options_.settled_after) return std::nullopt;
  if (tier == store::Tier::ten_minutes && store_.sealed_until(store::Tier::minute) < end)
    return std::nullopt;
  return period;
}

// Instances also of those that left memory.
Result<std::shared_ptr<store::EntityList const>> TierKeeper::entities_of(store::Tier tier,
                                                                         WallTime period) const {
  if (tier != store::Tier::minute_instances) return store_.entities();
  Nanoseconds const before = std::chrono::hours(1);  // late rows mark what lies behind them
  return entities_between(store_, period - before, period + store_.plan(tier).period);
}

bool TierKeeper::seal(store::Tier tier, WallTime period, std::function<bool()> const& stopping) {
  WallTime const end = period + store_.plan(tier).period;
  store_.begin_seal(tier, end);
  auto const entities = entities_of(tier, period);
  if (!entities) return failed("cannot seal a period of a tier", entities.error()), false;
  EntityDirectory const directory(*entities);
  Ranges ranges;
  for (store::EntityInfo const& info : directory.list())
    if (belongs(tier, info.entity.key.kind) && info.first_tick < end)
      ranges.push_back({info.id, period, end - Nanoseconds(1)});
  auto const written = write(tier, period, true, directory, ranges, stopping);
  if (written) {
    ++sealed_periods_;
    return true;
  }
  if (!stopping()) failed("cannot seal a period of a tier", written.error());
  return false;
}

std::optional<WallTime> TierKeeper::mend(store::Tier tier, WallTime until,
                                         std::function<bool()> const& stopping) {
  auto const ranges = store_.begin_dirty(tier, until);
  if (ranges.empty()) {
    store_.end_dirty(tier, true);  // what has no raw rows any more is left as it is
    return std::nullopt;
  }
  WallTime const period = tick_of(ranges.front().from, store_.plan(tier).period);
  auto const entities = entities_of(tier, period);
  if (!entities) {
    failed("cannot mend a tier", entities.error());
    store_.end_dirty(tier, false);
    return std::nullopt;
  }
  EntityDirectory const directory(*entities);
  auto const written = write(tier, period, false, directory, ranges, stopping);
  if (written) {
    mended_ranges_ += ranges.size();
    // Before they count as clean: a kill between leaves them dirty, at worst twice made.
    mark_behind_holes(tier, directory, ranges);
    pass_on(tier, directory, ranges);
  } else if (!stopping()) {
    failed("cannot mend a tier", written.error());
  }
  store_.end_dirty(tier, static_cast<bool>(written));
  return written ? std::optional(period) : std::nullopt;
}

// The store marks what a late row changes by its rates. Its counters also rose by a part of what
// the row behind it says, however far behind: over a long hole that is another window.
void TierKeeper::mark_behind_holes(store::Tier tier, EntityDirectory const& directory,
                                   Ranges const& ranges) {
  if (tier == store::Tier::ten_minutes) return;
  WallTime const sealed = store_.sealed_until(tier);
  static constexpr std::array any_column{metric::cpu_usage};
  for (store::DirtyRange const& range : ranges) {
    store::EntityInfo const* info = directory.find(range.entity);
    if (!info || is_rolled_up(info->entity.key.kind)) continue;
    std::optional<WallTime> next;
    auto const look = [&](WallTime from, WallTime until) {
      static_cast<void>(store_.scan(range.entity, any_column, from, until,  // damaged: none there
                                    [&](WallTime tick, std::span<Cell const>) {
                                      if (!next) next = tick;
                                    }));
    };
    look(range.until - longest_hole * info->step + Nanoseconds(1), range.until);
    if (next) continue;
    WallTime from = range.until + Nanoseconds(1);
    for (Nanoseconds span = std::chrono::hours(1); !next && from < sealed; span *= 8) {
      look(from, std::min(from + span, sealed) - Nanoseconds(1));
      from += span;
    }
    if (next) store_.mark_dirty(tier, {range.entity, *next, *next});
  }
}

// What is made of these windows is dirty now.
void TierKeeper::pass_on(store::Tier tier, EntityDirectory const& directory, Ranges const& ranges) {
  if (tier == store::Tier::ten_minutes) return;
  for (store::DirtyRange range : ranges) {
    store::EntityInfo const* info = directory.find(range.entity);
    if (!info) continue;
    if (tier == store::Tier::minute) {
      store_.mark_dirty(store::Tier::ten_minutes, range);
      continue;
    }
    // Their own rows are dirty by themselves; this is for their order statistics.
    EntityKey const app = app_key(info->entity);
    for (EntityKey const& key : {app, EntityKey{EntityKind::total, app.host, {}, 0}}) {
      range.entity = directory.find(key);
      if (range.entity != store::absent_entity) store_.mark_dirty(store::Tier::minute, range);
    }
  }
}

Result<void> TierKeeper::write(store::Tier tier, WallTime period, bool whole,
                               EntityDirectory const& directory, Ranges const& ranges,
                               std::function<bool()> const& stopping) {
  Nanoseconds const window = store_.plan(tier).window;
  HostTicks host_ticks(store_);
  TierReader reader(
      store_, host_ticks, [&](EntityKey const& container) { return directory.host_of(container); },
      [&](EntityKey const& rolled_up, WallTime from, WallTime until, InstanceVisitor const& visit) {
        return visit_instances(directory.instances(rolled_up), store_, rolled_up, from, until,
                               visit);
      });
  std::map<std::pair<EntityKind, std::vector<MetricId>>, WindowLayout> layouts;
  auto range = ranges.begin();
  return store_.write_tier(tier, period, whole, [&](store::TierRows& out) -> Result<bool> {
    if (stopping()) return Error{Errc::gone, 0, "stopping"};
    if (range == ranges.end()) return false;
    store::DirtyRange const its = *range++;
    out.entity = its.entity;
    out.rows = store::Rows();
    store::EntityInfo const* info = directory.find(its.entity);
    if (!info) return true;  // it went meanwhile
    EntityKind const kind = info->entity.key.kind;
    auto const layout = layouts.try_emplace({kind, info->columns}, kind, info->columns).first;
    out.rows = store::Rows(layout->second.stored());
    auto const made =
        reader.make(tier, *info, layout->second, tick_of(its.from, window), its.until,
                    [&](WindowRow const& row) { append_window(layout->second, row, out.rows); });
    if (!made) {
      // Damage on the disk: it must not keep the others' rows from being kept.
      if (failures_++ == 0) log_.error("a tier lacks {}", to_string(made.error()));
      out.rows = store::Rows();
    }
    rows_ += out.rows.size();
    return true;
  });
}

void TierKeeper::failed(char const* what, Error const& error) {
  ++failures_;
  failed_ = now_;
  log_.error("{}: {}", what, to_string(error));
}

TierCounters TierKeeper::counters() const {
  return {sealed_periods_, mended_ranges_, rows_, failures_};
}

}  // namespace dadvisor::aggregator::rollup
