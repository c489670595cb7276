#include "aggregator/api/admin_routes.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <optional>

#include "aggregator/api/graphite_routes.hpp"
#include "graphite-bridge/json_text.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::aggregator::api {
namespace {

using graphite::JsonText;

struct Deletion {
  std::string pattern;
  std::optional<WallTime> from;
  WallTime until{};
  bool dry_run = false;
};

// What goes below one path.
struct Doomed {
  std::string path;
  std::size_t entities = 0, series = 0;
  std::array<std::uint64_t, 1 + store::all_tiers.size()> rows{};  // raw, then by tier
  WallTime first = WallTime::max(), last = WallTime::min();
};

Error wrong(std::string text) { return {Errc::malformed, 0, std::move(text)}; }

Result<std::optional<WallTime>> moment(http::Fields const& parameters, char const* name,
                                       std::int64_t now) {
  auto const text = http::parameter(parameters, name);
  if (!text || text->empty()) return std::optional<WallTime>();
  auto const seconds = graphite::parse_time(*text, now, graphite::TimeZone::utc());
  if (!seconds) return seconds.error().within(name);
  constexpr std::int64_t farthest = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  if (*seconds < 0 || *seconds > farthest) return wrong(std::string(name) + ": out of range");
  return std::optional(from_unix_seconds(*seconds));
}

Result<Deletion> read_deletion(http::Request const& request, WallTime now) {
  auto const parameters = http::merged_parameters(request);
  auto const pattern = http::parameter(parameters, "pattern");
  if (!pattern || pattern->empty())
    return wrong("pattern is missing: the glob of the paths of instances, hosts, apps or totals");
  auto const from = moment(parameters, "from", unix_seconds(now));
  if (!from) return from.error();
  auto const until = moment(parameters, "until", unix_seconds(now));
  if (!until) return until.error();
  Deletion deletion{std::string(*pattern), *from, now, false};
  if (*until && **until > now) return wrong("until: lies in the future; what comes is not deleted");
  // A whole second: to its end.
  if (*until) deletion.until = std::min(now, **until + std::chrono::seconds(1) - Nanoseconds(1));
  if (deletion.from && *deletion.from > deletion.until) return wrong("from is behind until");
  auto const dry = http::parameter(parameters, "dry_run");
  deletion.dry_run = dry && *dry != "0";
  return deletion;
}

// Counts the entity's rows into `doomed`; true: there are some.
Result<bool> count_rows(store::Store const& store, store::EntityInfo const& info,
                        Deletion const& deletion, Doomed& doomed) {
  auto const before = doomed.rows;
  WallTime const from = deletion.from.value_or(WallTime::min());
  auto const counting = [&](std::size_t place) {
    return [&doomed, place](WallTime tick, std::span<Cell const>) {
      ++doomed.rows[place];
      doomed.first = std::min(doomed.first, tick);
      doomed.last = std::max(doomed.last, tick);
    };
  };
  auto counted = store.scan(info.id, {}, from, deletion.until, counting(0));
  auto const kind = info.entity.key.kind;
  for (store::Tier const tier : store::all_tiers) {
    bool const kept = tier == store::first_tier(kind) ||
                      (tier == store::Tier::ten_minutes && kind != EntityKind::container);
    if (counted && kept)
      counted = store.scan_tier(tier, info.id, {}, from, deletion.until,
                                counting(1 + static_cast<std::size_t>(tier)));
  }
  if (!counted) return counted.error();
  return doomed.rows != before;
}

std::string answer_json(std::vector<Doomed> const& all, bool dry_run) {
  JsonText json;
  std::uint64_t rows = 0;
  std::size_t entities = 0;
  json.open_object();
  json.key("paths");
  json.open_array();
  auto const field = [&json](char const* name, std::uint64_t value) {
    json.key(name);
    json.integer(static_cast<std::int64_t>(value));
  };
  for (Doomed const& one : all) {
    auto const in = [&](store::Tier tier) { return one.rows[1 + static_cast<std::size_t>(tier)]; };
    json.open_object();
    json.key("path");
    json.string(one.path);
    field("entities", one.entities);
    field("series", one.series);
    field("rows", one.rows[0]);
    field("rows_1m", in(store::Tier::minute_instances) + in(store::Tier::minute));
    field("rows_10m", in(store::Tier::ten_minutes));
    json.key("first");
    json.integer(unix_seconds(one.first));
    json.key("last");
    json.integer(unix_seconds(one.last));
    json.close_object();
    entities += one.entities;
    for (auto const count : one.rows) rows += count;
  }
  json.close_array();
  field("entities", entities);
  field("rows", rows);
  json.key("dry_run");
  json.boolean(dry_run);
  json.close_object();
  return json.take() + "\n";
}

std::string audit_text(Deletion const& deletion, std::size_t entities) {
  return "delete " + deletion.pattern +
         (deletion.from ? " from " + std::to_string(unix_seconds(*deletion.from)) : "") +
         " until " + std::to_string(unix_seconds(deletion.until)) + ": " +
         std::to_string(entities) + " entities";
}

// Whether nobody waits for the answer any more: then nothing must happen, or go on.
using Abandoned = std::function<bool()>;

http::Response run_deletion(AdminSeams const& seams, http::Request const& request,
                            Abandoned const& abandoned) {
  // What the log still brings back would be missed, and come to light behind the answer.
  if (!seams.store.replayed())
    return http::text_response(503, "the log of earlier runs is still being read; try again\n");
  WallTime const now = seams.clock.wall();
  auto const deletion = read_deletion(request, now);
  if (!deletion) return error_response(deletion.error());
  auto const members = seams.source.entities(deletion->pattern);
  if (!members) return error_response(members.error());
  std::vector<Doomed> all;
  std::vector<store::Tombstone> tombstones;
  for (auto const& at_path : *members) {
    Doomed doomed;
    doomed.path = at_path->path;
    doomed.series = at_path->leaves->leaves.size();
    for (store::EntityInfo const& info : at_path->entities) {
      if (abandoned()) return http::text_response(503, "given up; nothing is deleted\n");
      auto const any = count_rows(seams.store, info, *deletion, doomed);
      if (!any) return error_response(any.error());
      if (!*any) continue;
      ++doomed.entities;
      tombstones.push_back({info.id,
                            deletion->from ? store::tick_ns(*deletion->from)
                                           : std::numeric_limits<store::TickNs>::min(),
                            store::tick_ns(deletion->until), store::tick_ns(now)});
    }
    if (doomed.entities > 0) all.push_back(std::move(doomed));
  }
  if (all.empty())
    return http::text_response(
        404, "no rows of " + deletion->pattern +
                 " in that time. The glob is that of a whole entity's path, without the figure's "
                 "name: PREFIX.CLUSTER.instances.APP.INSTANCE, .hosts.HOST, .apps.APP or .total; "
                 "of points that others send, the path without its last node\n");
  if (!deletion->dry_run) {
    store::AuditEntry const audit{now, request.peer, audit_text(*deletion, tombstones.size())};
    if (auto done = seams.store.delete_rows(tombstones, audit); !done)
      return error_response(done.error());
    seams.log.info("{}: {}", audit.who, audit.what);
  }
  return http::json_response(200, answer_json(all, deletion->dry_run));
}

http::Response run_audit(AdminSeams const& seams, http::Request const&, Abandoned const&) {
  auto const entries = seams.store.audit();
  if (!entries) return error_response(entries.error());
  JsonText json;
  json.open_object();
  json.key("entries");
  json.open_array();
  for (store::AuditEntry const& entry : *entries) {
    json.open_object();
    json.key("time");
    json.integer(unix_seconds(entry.time));
    json.key("who");
    json.string(entry.who);
    json.key("what");
    json.string(entry.what);
    json.close_object();
  }
  json.close_array();
  json.close_object();
  return http::json_response(200, json.take() + "\n");
}

http::Response run_backup(AdminSeams const& seams, http::Request const& request, Abandoned const&) {
  auto const parameters = http::merged_parameters(request);
  std::string const directory(http::parameter(parameters, "directory").value_or(""));
  if (directory.empty()) return error_response(wrong("directory is missing"));
  auto const made = seams.store.backup(directory);
  if (!made && made.error().code == Errc::conflict)
    return http::text_response(409, to_string(made.error()) + "\n");
  if (!made) return error_response(made.error());
  seams.log.info("{}: backup of {} files in {}", request.peer, made->files, printable(directory));
  JsonText json;
  json.open_object();
  json.key("directory");
  json.string(directory);
  json.key("time");
  json.integer(unix_seconds(made->time));
  for (auto const& [name, value] :
       {std::pair("files", made->files), std::pair("linked_files", made->linked_files),
        std::pair("bytes", made->bytes)}) {
    json.key(name);
    json.integer(static_cast<std::int64_t>(value));
  }
  json.close_object();
  return http::json_response(200, json.take() + "\n");
}

http::Response run_compaction(AdminSeams const& seams, http::Request const& request,
                              Abandoned const&) {
  auto const held = seams.hold_tiers();
  auto const done = seams.store.compact();
  if (!done) return error_response(done.error());
  seams.log.info("{}: compacted {} files of {} bytes to {} files of {} bytes", request.peer,
                 done->files_before, done->bytes_before, done->files_after, done->bytes_after);
  JsonText json;
  json.open_object();
  for (auto const& [name, value] :
       {std::pair("files_before", done->files_before),
        std::pair("bytes_before", done->bytes_before), std::pair("files_after", done->files_after),
        std::pair("bytes_after", done->bytes_after)}) {
    json.key(name);
    json.integer(static_cast<std::int64_t>(value));
  }
  json.close_object();
  return http::json_response(200, json.take() + "\n");
}

}  // namespace

void add_admin_routes(Router& router, AdminSeams seams) {
  auto const add = [&](char const* path, char const* method, auto run) {
    router.add(path, method, [seams, run](http::Request request, http::Responder respond) {
      auto job = [seams, run, respond, request = std::move(request)] {
        // Not when nobody waits: what a person gave up must not happen behind their back.
        if (!respond.abandoned())
          respond(run(seams, request, [&respond] { return respond.abandoned(); }));
      };
      if (!seams.pool.submit(std::move(job)))
        respond(http::text_response(503, "too many requests wait; try again\n"));
    });
  };
  add("/store/delete", "POST", run_deletion);
  add("/store/backup", "POST", run_backup);
  add("/store/compact", "POST", run_compaction);
  add("/store/audit", "GET", run_audit);
}

}  // namespace dadvisor::aggregator::api
