#include "aggregator/api/import.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <optional>

#include "aggregator/ingest/limits.hpp"
#include "aggregator/rollup/history_writer.hpp"
#include "aggregator/store/spill_reads.hpp"
#include "common/core/foreign.hpp"
#include "graphite-bridge/carbon/point_path.hpp"

namespace dadvisor::aggregator::api {
namespace {

using namespace std::chrono_literals;
using Slots = std::map<std::int64_t, double>;  // by begin, unix seconds

// Points on their way: on the pool's thread, but for what is done with ForeignRows.
struct Import {
  struct Place {
    ingest::ForeignSeries series;
    std::string path;
    Entity entity;
  };
  struct Target {
    Entity entity;
    std::map<MetricId, Slots> fresh, old;
  };
  struct Value {
    ingest::ForeignSeries series;
    std::int64_t time;
    double value;
  };
  std::vector<ingest::ImportedSeries> all;
  std::vector<std::optional<Place>> places;  // as `all`
  std::vector<Value> values;                 // for the log
  bool full = false;                         // not all of them were taken
  std::map<EntityKey, Target> targets;
  Imported done;
};

Error given_up() { return {Errc::unavailable, 0, "given up"}; }

WallTime slot_time(std::int64_t seconds) { return from_unix_seconds(seconds); }

bool is_below(std::string_view path, std::string_view prefix) {
  return path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '.');
}

// Runs `function` on the loop's thread and waits for it; false: nobody waits for the answer any
// more, and the loop may have ended.
bool on_loop(ImportSeams const& seams, Abandoned const& abandoned, std::function<void()> function) {
  auto const done = std::make_shared<std::promise<void>>();
  auto ended = done->get_future();
  seams.post([function = std::move(function), done] {
    function();
    done->set_value();
  });
  while (ended.wait_for(100ms) != std::future_status::ready)
    if (abandoned()) return false;
  return true;
}

// Which series the points are of. On the loop's thread.
void find_places(ImportSeams const& seams, Import& import) {
  auto& rows = seams.rows();
  auto const files = seams.carbon_files();
  for (ingest::ImportedSeries const& each : import.all) {
    auto& place = import.places.emplace_back();
    auto const path = graphite::canonical_path(each.path);
    if (!path || is_below(*path, seams.prefix)) {
      import.done.refused["bad_names"] += each.points.size();
      continue;
    }
    auto series = rows.find(*path);
    if (!series)
      series =
          rows.add(*path, each.step > 0 ? each.step : files->schemas.archives(*path).front().step);
    if (series)
      place.emplace(Import::Place{*series, *path, series->whole()});
    else
      import.done.refused["too_many_series"] += each.points.size();
  }
}

// Which points are taken, and which way they go.
void sort_points(ImportSeams const& seams, rollup::HistoryWriter const& history, Import& import) {
  auto const files = seams.carbon_files();
  std::int64_t const now = unix_seconds(seams.clock.wall());
  std::int64_t const ahead = now + ingest::most_ahead / 1s;
  std::int64_t const begin = unix_seconds(history.begin()), end = unix_seconds(history.end());
  for (std::size_t i = 0; i < import.all.size(); ++i) {
    auto const& place = import.places[i];
    if (!place) continue;
    auto& points = import.all[i].points;
    auto const drop = [&](char const* why, auto const& wrong) {
      if (auto const dropped = std::erase_if(points, wrong); dropped > 0)
        import.done.refused[why] += dropped;
    };
    drop("ahead", [&](ingest::ImportedPoint const& point) { return point.time > ahead; });
    // How storage-schemas.conf has it: nothing older is ever shown.
    auto const archives = files->schemas.archives(place->path);
    std::int64_t const kept = now - archives.back().retention();
    drop("beyond_schema", [&](ingest::ImportedPoint const& point) { return point.time < kept; });
    drop("too_old", [&](ingest::ImportedPoint const& point) { return point.time < begin; });
    if (points.empty()) continue;
    ++import.done.series;
    import.done.points += points.size();
    for (ingest::ImportedPoint const& point : points) import.done.sum += point.value;
    bool const shared =
        files->aggregations.of(place->path).method == graphite::AggregationMethod::sum;
    auto& target = import.targets[place->entity.key];
    target.entity = place->entity;
    MetricId const column = foreign_column(place->series.column);
    std::int64_t const step = foreign_step(place->entity.key);
    auto const archive_step = [&](std::int64_t time) {
      if (archives.front().step != step) return step;  // it has one archive then
      for (graphite::Archive const& archive : archives)
        if (archive.retention() >= now - time) return archive.step;
      return archives.back().step;
    };
    for (auto const& [time, value] : ingest::slots_of(points, step, shared, archive_step)) {
      if (time >= end) import.values.push_back({place->series, time, value});
      (time >= end ? target.fresh : target.old)[column].insert_or_assign(time, value);
    }
  }
}

// Young values, some slots at a time: they wait side by side, and the loop has other things to do.
// Durable when it returns.
Result<void> put_values(ImportSeams const& seams, Abandoned const& abandoned,
                        std::shared_ptr<Import> const& import) {
  constexpr std::size_t slots_at_once = 256, values_at_once = 20'000;
  auto& values = import->values;
  std::ranges::stable_sort(values, {}, &Import::Value::time);
  for (std::size_t first = 0; first < values.size();) {
    std::size_t last = first, slots = 0;
    for (; last < values.size() && last - first < values_at_once; ++last)
      if (last == first || values[last].time != values[last - 1].time)
        if (++slots > slots_at_once) break;
    auto const durable = std::make_shared<std::promise<void>>();
    auto const put = [seams, import, durable, first, last] {
      auto& rows = seams.rows();
      for (std::size_t i = first; i < last && !import->full; ++i) {
        Import::Value const& one = import->values[i];
        import->full = !rows.put(one.series, one.time, one.value);
      }
      rows.when_durable([durable] { durable->set_value(); });
    };
    if (!on_loop(seams, abandoned, put)) return given_up();
    if (import->full) return Error{Errc::unavailable, 0, "too much waits for the log; try again"};
    auto done = durable->get_future();
    while (done.wait_for(100ms) != std::future_status::ready) {
      if (abandoned()) return given_up();
      // The store may have lagged too far behind to be given anything at first.
      seams.post([rows = seams.rows] { rows().flush(); });
    }
    first = last;
  }
  return {};
}

// The old values of all series as rows of their entities, which the catalogue has then.
Result<std::vector<rollup::OldRows>> old_rows(store::Store& store, Import const& import) {
  std::vector<store::EntityInfo> infos;
  std::vector<Import::Target const*> targets;
  for (auto const& [key, target] : import.targets) {
    if (target.old.empty()) continue;
    store::EntityInfo info;
    info.entity = target.entity;
    info.first_tick = WallTime::max();
    info.last_tick = WallTime::min();
    info.step = std::chrono::seconds(foreign_step(key));
    for (auto const& [column, slots] : target.old) {
      info.columns.push_back(column);
      info.first_tick = std::min(info.first_tick, slot_time(slots.begin()->first));
      info.last_tick = std::max(info.last_tick, slot_time(slots.rbegin()->first));
    }
    infos.push_back(std::move(info));
    targets.push_back(&target);
  }
  std::vector<rollup::OldRows> all;
  if (infos.empty()) return all;
  auto const known = store.extend(infos);
  if (!known) return known.error();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    auto& rows = all.emplace_back();
    rows.entity = (*known)[i];
    for (auto const& [column, slots] : targets[i]->old) {
      std::size_t const at = rows.columns.size();
      rows.columns.push_back(column);
      for (auto const& [time, value] : slots) {
        auto& cells = rows.rows[slot_time(time)];
        cells.resize(targets[i]->old.size());
        cells[at] = real_cell(value);
      }
    }
  }
  std::ranges::sort(all, {}, [](rollup::OldRows const& rows) { return rows.entity.id; });
  return all;
}

// Values that went by the log; all of them have to be in the store. How many there are, and the
// sum that is read.
Result<rollup::OldRowsWritten> check_fresh(store::Store& store, Import const& import) {
  rollup::OldRowsWritten read;
  std::promise<void> applied;
  store.post([&applied] { applied.set_value(); });
  applied.get_future().wait();
  auto const list = store.entities();
  store::SpillReads reads;
  for (store::EntityInfo const& info : *list) {
    if (info.entity.key.kind != EntityKind::foreign) continue;
    auto const found = import.targets.find(info.entity.key);
    if (found == import.targets.end()) continue;
    for (auto const& each : found->second.fresh) {
      Slots const& slots = each.second;
      std::uint64_t same = 0;
      auto const scanned = store.scan(
          info.id, {&each.first, 1}, slot_time(slots.begin()->first),
          slot_time(slots.rbegin()->first),
          [&](WallTime tick, std::span<Cell const> cells) {
            auto const its = slots.find(unix_seconds(tick));
            if (its == slots.end() || cells[0] != real_cell(its->second)) return;
            ++same;
            read.sum += its->second;
          },
          &reads);
      if (!scanned) return scanned.error();
      read.values += same;
    }
  }
  std::uint64_t wanted = 0;
  for (auto const& [key, target] : import.targets)
    for (auto const& [column, slots] : target.fresh) wanted += slots.size();
  if (read.values < wanted)
    return Error{Errc::io, 0,
                 std::to_string(wanted - read.values) + " of " + std::to_string(wanted) +
                     " young values are not what is read back; were they deleted before, or do "
                     "others send them too?"};
  return read;
}

}  // namespace

Result<Imported> import_points(ImportSeams const& seams, std::vector<ingest::ImportedSeries> series,
                               Abandoned const& abandoned) {
  if (!seams.store.replayed())
    return Error{Errc::unavailable, 0, "the log of earlier runs is still being read; try again"};
  auto const import = std::make_shared<Import>();
  import->all = std::move(series);
  if (!on_loop(seams, abandoned, [seams, import] { find_places(seams, *import); }))
    return given_up();
  rollup::HistoryWriter writer(seams.store, seams.clock.wall(), abandoned);
  sort_points(seams, writer, *import);
  if (auto put = put_values(seams, abandoned, import); !put) return put.error();
  auto const old = old_rows(seams.store, *import);
  if (!old) return old.error();
  rollup::OldRowsWritten written;
  if (!old->empty()) {
    auto const held = seams.hold_tiers();
    auto done = writer.write(*old);
    if (!done) return done.error();
    written = *done;
  }
  auto const fresh = check_fresh(seams.store, *import);
  if (!fresh) return fresh.error();
  import->done.values = written.values + fresh->values;
  import->done.kept = written.kept;
  for (auto const& place : import->places)
    if (place && import->done.first_path.empty()) import->done.first_path = place->path;
  return std::move(import->done);
}

}  // namespace dadvisor::aggregator::api
