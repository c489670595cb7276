#include "aggregator/api/deletion.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "aggregator/api/graphite_routes.hpp"
#include "aggregator/store/spill_reads.hpp"
#include "common/core/foreign.hpp"
#include "graphite-bridge/json_text.hpp"
#include "graphite-bridge/tag_query.hpp"
#include "graphite-bridge/time_spec.hpp"

namespace dadvisor::aggregator::api {
namespace {

using graphite::JsonText;

struct Deletion {
  std::string pattern;
  std::vector<std::string> tags;  // in place of the pattern
  std::optional<WallTime> from;
  WallTime until{};
  bool dry_run = false;

  std::string name() const {
    if (tags.empty()) return pattern;
    std::string all;
    for (std::string const& tag : tags) all += (all.empty() ? "" : " ") + tag;
    return all;
  }
};

// What goes below one path.
struct Doomed {
  std::string path;
  std::size_t entities = 0, series = 0;
  std::array<std::uint64_t, 1 + store::all_tiers.size()> rows{};  // raw, then by tier
  WallTime first = WallTime::max(), last = WallTime::min();
};

// All that goes.
struct DoomedPaths {
  std::vector<Doomed> paths;
  std::vector<store::Tombstone> tombstones;
  std::size_t entities = 0, series = 0;  // whole ones, and single series of others
};

using Reads = std::array<store::SpillReads, 1 + store::all_tiers.size()>;  // raw, then by tier

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
  Deletion deletion;
  deletion.pattern = http::parameter(parameters, "pattern").value_or("");
  for (auto const& [name, value] : parameters)
    if (name == "tag") deletion.tags.push_back(value);
  if (deletion.pattern.empty() == deletion.tags.empty())
    return wrong(
        "either pattern is wanted, the glob of the paths of instances, hosts, apps, totals or of "
        "what others send, or tag, once or several times");
  auto const from = moment(parameters, "from", unix_seconds(now));
  if (!from) return from.error();
  auto const until = moment(parameters, "until", unix_seconds(now));
  if (!until) return until.error();
  deletion.from = *from;
  deletion.until = now;
  if (*until && **until > now) return wrong("until: lies in the future; what comes is not deleted");
  // A whole second: to its end.
  if (*until) deletion.until = std::min(now, **until + std::chrono::seconds(1) - Nanoseconds(1));
  if (deletion.from && *deletion.from > deletion.until) return wrong("from is behind until");
  auto const dry = http::parameter(parameters, "dry_run");
  deletion.dry_run = dry && *dry != "0";
  return deletion;
}

// Counts the entity's rows into `doomed`, or those that have a value of `column`; true: there are
// some.
Result<bool> count_rows(store::Store const& store, store::EntityInfo const& info,
                        std::optional<MetricId> column, Deletion const& deletion, Reads& reads,
                        Doomed& doomed) {
  auto const before = doomed.rows;
  WallTime const from = deletion.from.value_or(WallTime::min());
  auto const counting = [&](std::size_t place) {
    return [&doomed, place](WallTime tick, std::span<Cell const> cells) {
      if (!cells.empty() && !cells[0]) return;
      ++doomed.rows[place];
      doomed.first = std::min(doomed.first, tick);
      doomed.last = std::max(doomed.last, tick);
    };
  };
  std::vector<MetricId> raw, window;
  if (column) raw = {*column}, window = {window_column(*column, WindowPart::last)};
  auto counted = store.scan(info.id, raw, from, deletion.until, counting(0), &reads[0]);
  auto const kind = info.entity.key.kind;
  for (store::Tier const tier : store::all_tiers) {
    bool const kept = tier == store::first_tier(kind) ||
                      (tier == store::Tier::ten_minutes && kind != EntityKind::container);
    std::size_t const place = 1 + static_cast<std::size_t>(tier);
    if (counted && kept)
      counted = store.scan_tier(tier, info.id, window, from, deletion.until, counting(place),
                                &reads[place]);
  }
  if (!counted) return counted.error();
  return doomed.rows != before;
}

// One request on its way.
class Search {
 public:
  Search(AdminSeams const& seams, Deletion const& deletion, Abandoned const& abandoned)
      : seams_(seams), deletion_(deletion), abandoned_(abandoned), now_(seams.clock.wall()) {}

  Result<DoomedPaths> run() {
    auto const whole = deletion_.tags.empty() ? entities() : Result<void>();
    if (!whole) return whole.error();
    if (auto const single = series(); !single) return single.error();
    return std::move(found_);
  }

 private:
  Result<void> entities() {
    auto const members = seams_.source.entities(deletion_.pattern);
    if (!members) return members.error();
    for (auto const& at_path : *members) {
      Doomed doomed;
      doomed.path = at_path->path;
      doomed.series = at_path->leaves->leaves.size();
      for (store::EntityInfo const& info : at_path->entities)
        if (auto added = add(info, std::nullopt, doomed); !added) return added;
      if (doomed.entities == 0) continue;
      found_.entities += doomed.entities;
      found_.paths.push_back(std::move(doomed));
    }
    return {};
  }

  // Of foreign points.
  Result<void> series() {
    auto const matched = leaves();
    if (!matched) return matched.error();
    for (series::MatchedLeaf const& each : *matched) {
      Doomed doomed;
      doomed.path = each.path();
      doomed.series = 1;
      store::EntityInfo const& info = each.members->entities[each.leaf.place / foreign_leaves];
      MetricId const column = foreign_column(each.leaf.place % foreign_leaves);
      if (auto added = add(info, column, doomed); !added) return added;
      if (doomed.entities == 0) continue;
      ++found_.series;
      found_.paths.push_back(std::move(doomed));
    }
    return {};
  }

  Result<std::vector<series::MatchedLeaf>> leaves() const {
    if (deletion_.tags.empty()) return seams_.source.foreign_series(deletion_.pattern);
    auto const query = graphite::parse_tag_query(deletion_.tags);
    if (!query) return query.error();
    return seams_.source.foreign_series(*query);
  }

  Result<void> add(store::EntityInfo const& info, std::optional<MetricId> column, Doomed& doomed) {
    if (abandoned_()) return Error{Errc::unavailable, 0, "given up; nothing is deleted"};
    auto const any = count_rows(seams_.store, info, column, deletion_, reads_, doomed);
    if (!any) return any.error();
    if (!*any) return {};
    ++doomed.entities;
    auto const from = deletion_.from ? store::tick_ns(*deletion_.from)
                                     : std::numeric_limits<store::TickNs>::min();
    found_.tombstones.push_back(
        {info.id, from, store::tick_ns(deletion_.until), store::tick_ns(now_), column});
    return {};
  }

  AdminSeams const& seams_;
  Deletion const& deletion_;
  Abandoned const& abandoned_;
  WallTime const now_;
  Reads reads_;
  DoomedPaths found_;
};

std::string answer_json(DoomedPaths const& all, bool dry_run) {
  JsonText json;
  std::uint64_t rows = 0;
  json.open_object();
  json.key("paths");
  json.open_array();
  auto const field = [&json](char const* name, std::uint64_t value) {
    json.key(name);
    json.integer(static_cast<std::int64_t>(value));
  };
  for (Doomed const& one : all.paths) {
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
    for (auto const count : one.rows) rows += count;
  }
  json.close_array();
  field("entities", all.entities);
  field("series", all.series);
  field("rows", rows);
  json.key("dry_run");
  json.boolean(dry_run);
  json.close_object();
  return json.take() + "\n";
}

std::string audit_text(Deletion const& deletion, DoomedPaths const& all) {
  std::string text = "delete " + deletion.name();
  if (deletion.from) text += " from " + std::to_string(unix_seconds(*deletion.from));
  text += " until " + std::to_string(unix_seconds(deletion.until)) + ": ";
  if (all.entities > 0 || all.series == 0) text += std::to_string(all.entities) + " entities";
  if (all.series > 0)
    text += (all.entities > 0 ? ", " : "") + std::to_string(all.series) + " series";
  return text;
}

}  // namespace

http::Response run_deletion(AdminSeams const& seams, http::Request const& request,
                            Abandoned const& abandoned) {
  // What the log still brings back would be missed, and come to light behind the answer.
  if (!seams.store.replayed())
    return http::text_response(503, "the log of earlier runs is still being read; try again\n");
  WallTime const now = seams.clock.wall();
  auto const deletion = read_deletion(request, now);
  if (!deletion) return error_response(deletion.error());
  auto const all = Search(seams, *deletion, abandoned).run();
  if (!all) return error_response(all.error());
  if (all->paths.empty())
    return http::text_response(
        404, "no rows of " + deletion->name() +
                 " in that time. The glob is that of a whole entity's path, without the figure's "
                 "name: PREFIX.CLUSTER.instances.APP.INSTANCE, .hosts.HOST, .apps.APP or .total; "
                 "of points that others send, a series' whole path, or all of it but the last node "
                 "for all series there; tags are those of points that others send\n");
  if (!deletion->dry_run) {
    store::AuditEntry const audit{now, request.peer, audit_text(*deletion, *all)};
    if (auto done = seams.store.delete_rows(all->tombstones, audit); !done)
      return error_response(done.error());
    seams.log.info("{}: {}", audit.who, audit.what);
  }
  return http::json_response(200, answer_json(*all, deletion->dry_run));
}

}  // namespace dadvisor::aggregator::api
