#include "aggregator/rollup/history_writer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/rollup/tier_reader.hpp"
#include "aggregator/rollup/window_folder.hpp"
#include "aggregator/rollup/window_form.hpp"
#include "aggregator/rollup/window_joiner.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

// Raw rows that are about to go are left alone: their windows are sealed by then.
constexpr Nanoseconds margin = std::chrono::minutes(10);

store::TierPlan const& plan_of(store::Store const& store, store::Tier tier) {
  return store.plan(tier);
}

}  // namespace

struct HistoryWriter::Entity {
  explicit Entity(OldRows const& its)
      : rows(its), layout(EntityKind::foreign, its.entity.columns) {}
  OldRows const& rows;
  WindowLayout layout;
  Windows minutes, tens;  // of what came; those that a tier keeps, minutes where both do
  // Of which windows of ten minutes the minutes are kept.
  std::vector<WallTime> made_of_minutes;
};

HistoryWriter::HistoryWriter(store::Store& store, WallTime now, std::function<bool()> stopping)
    : store_(store), now_(now), stopping_(std::move(stopping)) {
  auto const& minute = plan_of(store, store::Tier::minute);
  auto const& tens = plan_of(store, store::Tier::ten_minutes);
  // Of the oldest period of a tier a part is past its retention, and all of it soon is.
  begin_ = tick_of(now - tens.retention, tens.period) + tens.period;
  minutes_from_ = tick_of(now - minute.retention, minute.period) + minute.period;
  WallTime const kept = now - store.retention();
  end_ = tick_of(std::max(kept, store.raw_from()) + margin, minute.window);
}

// Where nothing is sealed yet the tiers begin here: an empty period, and what the store holds
// from before its end is to be made by and by.
Result<void> HistoryWriter::seal_first(store::Tier tier, WallTime until) {
  if (store_.sealed_until(tier) != WallTime::min()) return {};
  store_.begin_seal(tier, until);
  auto const sealed = store_.write_tier(tier, until - plan_of(store_, tier).period, true,
                                        [](store::TierRows&) -> Result<bool> { return false; });
  if (!sealed) return sealed;
  auto const list = entities_between(store_, WallTime::min(), until);
  if (!list) return list.error();
  for (store::EntityInfo const& info : **list) {
    bool const instance = info.entity.key.kind == EntityKind::container;
    if (instance == (tier == store::Tier::minute_instances) && info.first_tick < until)
      store_.mark_dirty(tier, {info.id, info.first_tick, until - Nanoseconds(1)});
  }
  return {};
}

Result<void> HistoryWriter::prepare() {
  Nanoseconds const period = plan_of(store_, store::Tier::minute).period;
  WallTime const seam = tick_of(end_ + period - Nanoseconds(1), period);
  for (store::Tier const tier : {store::Tier::minute_instances, store::Tier::minute})
    if (auto sealed = seal_first(tier, seam); !sealed) return sealed;
  if (auto sealed = seal_first(store::Tier::ten_minutes,
                               tick_of(seam, plan_of(store_, store::Tier::ten_minutes).period));
      !sealed)
    return sealed;
  if (store_.sealed_until(store::Tier::minute) < end_)
    return Error{Errc::unavailable, 0, "the store's tiers are still being made; try again later"};
  return {};
}

// What the tier holds of the entity from the first of these windows to the last.
Result<std::map<WallTime, WindowRow>> HistoryWriter::held(store::Tier tier, Entity const& entity,
                                                          Windows const& fresh,
                                                          TierReader& reader) {
  std::map<WallTime, WindowRow> rows;
  if (fresh.empty()) return rows;
  auto const read =
      reader.read(tier, entity.rows.entity, entity.layout, fresh.front().window,
                  fresh.back().window, [&](WindowRow const& row) { rows[row.window] = row; });
  if (!read) return read.error();
  return rows;
}

// What the tier holds and what comes become one; `fresh` is that then.
Result<void> HistoryWriter::join(store::Tier tier, Entity const& entity, Windows& fresh,
                                 TierReader& reader, OldRowsWritten& written) {
  auto const there = held(tier, entity, fresh, reader);
  if (!there) return there.error();
  WindowRow none;
  clear_window(entity.layout, none);
  for (WindowRow& row : fresh) {
    auto const found = there->find(row.window);
    WindowRow const& known = found == there->end() ? none : found->second;
    for (std::size_t i = 0; i < row.figures.size(); ++i) {
      WindowFigure& figure = row.figures[i];
      auto const values = static_cast<std::uint64_t>(figure.count);
      if (figure.count < known.figures[i].count) {
        written.kept += values;
        figure = known.figures[i];
      } else {
        written.values += values;
        written.sum += figure.sum;
      }
    }
    row.ticks = std::max(row.ticks, known.ticks);
    settle_window(entity.layout, row);
  }
  return {};
}

void HistoryWriter::sort_in(store::Tier tier, Entity const& entity, Windows const& windows,
                            Periods& periods) {
  for (WindowRow const& row : windows) {
    auto& period = periods[tick_of(row.window, plan_of(store_, tier).period)];
    if (period.empty() || period.back().entity != entity.rows.entity.id)
      period.push_back({entity.rows.entity.id, store::Rows(entity.layout.stored())});
    append_window(entity.layout, row, period.back().rows);
  }
}

Result<void> HistoryWriter::write_periods(store::Tier tier, Periods& periods) {
  for (auto& each : periods) {
    auto next = each.second.begin();
    auto const end = each.second.end();
    auto const written =
        store_.write_tier(tier, each.first, false, [&](store::TierRows& out) -> Result<bool> {
          if (stopping_ && stopping_()) return Error{Errc::gone, 0, "stopping"};
          if (next == end) return false;
          out = std::move(*next++);
          return true;
        });
    if (!written) return written;
  }
  return {};
}

// Those whose minutes are kept: of all their minutes, which are written by now.
Result<void> HistoryWriter::make_tens(Entity& entity, TierReader& reader, Periods& periods) {
  Nanoseconds const window = plan_of(store_, store::Tier::ten_minutes).window;
  Windows made;
  for (auto first = entity.made_of_minutes.begin(); first != entity.made_of_minutes.end();) {
    auto last = first;
    while (std::next(last) != entity.made_of_minutes.end() && *std::next(last) == *last + window)
      ++last;
    auto const read = reader.make(store::Tier::ten_minutes, entity.rows.entity, entity.layout,
                                  *first, *last + window - Nanoseconds(1),
                                  [&](WindowRow const& row) { made.push_back(row); });
    if (!read) return read;
    first = std::next(last);
  }
  sort_in(store::Tier::ten_minutes, entity, made, periods);
  return {};
}

// What came of the entity, as minutes.
void HistoryWriter::fold(Entity const& entity, WindowVisitor const& visit) const {
  auto const& finest = entity.layout.finest();
  std::vector<store::TickNs> ticks;
  for (auto const& [tick, cells] : entity.rows.rows)
    if (begin_ <= tick && tick < end_) ticks.push_back(store::tick_ns(tick));
  std::vector<store::SelectedColumn> columns(finest.size());
  for (store::SelectedColumn& column : columns) {
    column.values.resize(ticks.size());
    column.has.resize(ticks.size());
  }
  for (std::size_t i = 0; i < entity.rows.columns.size(); ++i) {
    store::SelectedColumn& column = columns[static_cast<std::size_t>(
        std::ranges::lower_bound(finest, entity.rows.columns[i]) - finest.begin())];
    std::size_t row = 0;
    for (auto const& [tick, cells] : entity.rows.rows) {
      if (tick < begin_ || tick >= end_) continue;
      column.values[row] = cells[i].value_or(0);
      column.has[row++] = cells[i].has_value();
    }
  }
  WindowFolder folder(entity.layout, plan_of(store_, store::Tier::minute).window,
                      entity.rows.entity.step, nullptr);
  folder.fold(ticks, columns, 0, visit);
}

Result<void> HistoryWriter::check(store::Tier tier, Entity const& entity, Windows const& fresh,
                                  TierReader& reader) {
  auto const there = held(tier, entity, fresh, reader);
  if (!there) return there.error();
  for (WindowRow const& row : fresh) {
    auto const found = there->find(row.window);
    if (found == there->end() || found->second.figures != row.figures)
      return Error{
          Errc::io, 0,
          fmt::format("{} at {}: what was written is not what is read back; was it deleted "
                      "before?",
                      entity.rows.entity.entity.key.container_id, unix_seconds(row.window))};
  }
  return {};
}

Result<OldRowsWritten> HistoryWriter::write(std::vector<OldRows> const& all) {
  if (auto prepared = prepare(); !prepared) return prepared.error();
  Nanoseconds const ten = plan_of(store_, store::Tier::ten_minutes).window;
  WallTime const tens_until = store_.sealed_until(store::Tier::ten_minutes);
  OldRowsWritten written;
  std::vector<Entity> entities;
  Periods minutes, tens;
  HostTicks host_ticks(store_);
  TierReader reader(store_, host_ticks, [](EntityKey const&) { return store::absent_entity; });
  for (OldRows const& rows : all) {
    Entity& entity = entities.emplace_back(rows);
    WindowJoiner joiner(entity.layout, ten);
    auto const take_ten = [&](WindowRow const& row) { entity.tens.push_back(row); };
    auto const take = [&](WindowRow const& row) {
      if (row.window < minutes_from_) return joiner.take(row, take_ten);
      entity.minutes.push_back(row);
      WallTime const its = tick_of(row.window, ten);
      auto& made = entity.made_of_minutes;
      if (its < tens_until && (made.empty() || made.back() != its)) made.push_back(its);
    };
    fold(entity, take);
    joiner.finish(take_ten);
    if (auto joined = join(store::Tier::minute, entity, entity.minutes, reader, written); !joined)
      return joined.error();
    if (auto joined = join(store::Tier::ten_minutes, entity, entity.tens, reader, written); !joined)
      return joined.error();
    sort_in(store::Tier::minute, entity, entity.minutes, minutes);
    sort_in(store::Tier::ten_minutes, entity, entity.tens, tens);
  }
  if (auto done = write_periods(store::Tier::minute, minutes); !done) return done.error();
  for (Entity& entity : entities)
    if (auto made = make_tens(entity, reader, tens); !made) return made.error();
  if (auto done = write_periods(store::Tier::ten_minutes, tens); !done) return done.error();
  for (Entity const& entity : entities)
    for (auto const& [tier, windows] : {std::pair(store::Tier::minute, &entity.minutes),
                                        std::pair(store::Tier::ten_minutes, &entity.tens)})
      if (auto checked = check(tier, entity, *windows, reader); !checked) return checked.error();
  return written;
}

}  // namespace dadvisor::aggregator::rollup
