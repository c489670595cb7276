#include "aggregator/api/rename_route.hpp"

#include <limits>

#include "aggregator/api/graphite_routes.hpp"
#include "common/core/foreign.hpp"
#include "graphite-bridge/carbon/point_path.hpp"
#include "graphite-bridge/json_text.hpp"

namespace dadvisor::aggregator::api {
namespace {

constexpr std::size_t series_at_once = 50;
// What may still come, or be on its way, for ticks before the rename began.
constexpr std::int64_t youngest = 600;

struct Renaming {
  std::string from, to;
  bool merge = false, dry_run = false;
};

// A series on its way to its new name.
struct Renamed {
  series::MatchedLeaf leaf;
  std::string to;

  store::EntityInfo const& entity() const {
    return leaf.members->entities[leaf.leaf.place / foreign_leaves];
  }
  MetricId column() const { return foreign_column(leaf.leaf.place % foreign_leaves); }
};

Error wrong_name(std::string text) { return {Errc::malformed, 0, std::move(text)}; }

// The name as a pattern that nothing else matches.
std::string literal(std::string_view path) {
  std::string text;
  for (char const c : path) {
    if (std::string_view("*?[]{},\\").find(c) != std::string_view::npos) text += '\\';
    text += c;
  }
  return text;
}

Result<std::string> read_name(http::Fields const& parameters, char const* name,
                              std::string const& prefix) {
  std::string const sent(http::parameter(parameters, name).value_or(""));
  if (sent.empty()) return wrong_name(std::string(name) + " is missing");
  auto const path = graphite::canonical_path(sent);
  if (!path) return path.error().within(name);
  if (path->find(';') != std::string::npos)
    return wrong_name(std::string(name) + ": a tagged series is named by its tags");
  if (*path == prefix || path->starts_with(prefix + "."))
    return wrong_name(std::string(name) + ": names below " + prefix +
                      " come from the agents: labels, Marathon's app ids, host names");
  return *path;
}

Result<Renaming> read_renaming(http::Request const& request, std::string const& prefix) {
  auto const parameters = http::merged_parameters(request);
  auto const from = read_name(parameters, "from", prefix);
  if (!from) return from.error();
  auto const to = read_name(parameters, "to", prefix);
  if (!to) return to.error();
  if (*to == *from || to->starts_with(*from + ".") || from->starts_with(*to + "."))
    return wrong_name("one of the names is the other, or below it");
  auto const said = [&](char const* name) {
    auto const value = http::parameter(parameters, name);
    return value && *value != "0";
  };
  return Renaming{*from, *to, said("merge"), said("dry_run")};
}

// One request on its way, on the pool's thread.
class Rename {
 public:
  Rename(AdminSeams const& admin, ImportSeams const& import, Renaming const& renaming,
         Abandoned const& abandoned)
      : admin_(admin),
        import_(import),
        renaming_(renaming),
        abandoned_(abandoned),
        now_(admin.clock.wall()) {}

  Result<void> find();
  Result<void> run(std::string const& who);
  std::string answer() const;

 private:
  Result<std::vector<ingest::ImportedPoint>> read(std::string const& path, std::int64_t from,
                                                  std::int64_t until) const;
  Result<std::vector<ingest::ImportedPoint>> read_all(std::string const& path) const;
  Result<void> write(std::span<Renamed const> some, bool young_ones);

  AdminSeams const& admin_;
  ImportSeams const& import_;
  Renaming const& renaming_;
  Abandoned const& abandoned_;
  WallTime const now_;
  std::vector<Renamed> all_;
  std::uint64_t points_ = 0;
};

Result<void> Rename::find() {
  auto const take = [&](std::string const& pattern) -> Result<void> {
    auto leaves = admin_.source.foreign_series(pattern);
    if (!leaves) return leaves.error();
    for (series::MatchedLeaf& leaf : *leaves) {
      std::string to = renaming_.to + leaf.path().substr(renaming_.from.size());
      if (auto const known = graphite::canonical_path(to); !known) return known.error().within(to);
      all_.push_back({std::move(leaf), std::move(to)});
    }
    return {};
  };
  std::string pattern = literal(renaming_.from);
  if (auto taken = take(pattern); !taken) return taken;
  graphite::Window const ever{0, unix_seconds(now_), unix_seconds(now_)};
  for (std::size_t level = 0; level < graphite::path_limit::nodes; ++level) {
    auto const nodes = admin_.source.find(pattern, ever);
    if (!nodes) return nodes.error();
    if (std::ranges::all_of(*nodes, &graphite::FoundNode::leaf)) break;
    pattern += ".*";
    if (auto taken = take(pattern); !taken) return taken;
  }
  if (all_.empty())
    return Error{Errc::not_found, 0, "no series " + renaming_.from + ", and none below it"};
  if (renaming_.merge) return {};
  for (Renamed const& one : all_) {
    auto const there = admin_.source.foreign_series(literal(one.to));
    if (!there) return there.error();
    if (!there->empty())
      return Error{Errc::conflict, 0,
                   one.to +
                       " is there already; merge=1 (--merge) joins the two, and finishes a "
                       "rename that was cut"};
  }
  return {};
}

// What is shown of the series over (from, until].
Result<std::vector<ingest::ImportedPoint>> Rename::read(std::string const& path, std::int64_t from,
                                                        std::int64_t until) const {
  auto const fetched = admin_.source.fetch(literal(path), {from, until, unix_seconds(now_)});
  if (!fetched) return fetched.error();
  std::vector<ingest::ImportedPoint> points;
  for (graphite::Series const& series : *fetched)
    for (std::size_t i = 0; i < series.values.size(); ++i)
      if (!graphite::is_absent(series.values[i]))
        points.push_back({series.start + static_cast<std::int64_t>(i) * series.step,
                          series.values[i], series.step});
  return points;
}

// Archive by archive, the coarsest first: of a slot the last point counts.
Result<std::vector<ingest::ImportedPoint>> Rename::read_all(std::string const& path) const {
  std::int64_t const now = unix_seconds(now_);
  auto const files = import_.carbon_files();
  auto const& archives = files->schemas.archives(path);
  std::vector<ingest::ImportedPoint> points;
  for (std::size_t i = archives.size(); i-- > 0;) {
    std::int64_t const until = i == 0 ? now : now - archives[i - 1].retention();
    auto more = read(path, std::max<std::int64_t>(0, now - archives[i].retention()), until);
    if (!more) return more;
    points.insert(points.end(), more->begin(), more->end());
  }
  return points;
}

Result<void> Rename::write(std::span<Renamed const> some, bool young_ones) {
  std::int64_t const now = unix_seconds(now_);
  std::vector<ingest::ImportedSeries> series;
  for (Renamed const& one : some) {
    if (abandoned_()) return Error{Errc::unavailable, 0, "given up; nothing is deleted"};
    auto points =
        young_ones ? read(one.leaf.path(), now - youngest, now) : read_all(one.leaf.path());
    if (!points) return points.error();
    series.push_back({one.to, foreign_step(one.entity().entity.key), std::move(*points)});
  }
  auto const done = import_points(import_, std::move(series), abandoned_);
  if (!done) return done.error();
  for (auto const& [why, count] : done->refused)
    // What is too old goes anyhow; what the schema of the new name keeps shorter would be lost.
    if (why != "too_old")
      return Error{Errc::conflict, 0,
                   std::to_string(count) + " points cannot be kept under the new name (" + why +
                       "); nothing is deleted"};
  if (!young_ones) points_ += done->points;
  return {};
}

Result<void> Rename::run(std::string const& who) {
  for (bool const young_ones : {false, true})
    for (std::size_t first = 0; first < all_.size(); first += series_at_once) {
      auto const some =
          std::span(all_).subspan(first, std::min(series_at_once, all_.size() - first));
      if (auto written = write(some, young_ones); !written) return written;
    }
  std::vector<store::Tombstone> tombstones;
  for (Renamed const& one : all_)
    tombstones.push_back({one.entity().id, std::numeric_limits<store::TickNs>::min(),
                          store::tick_ns(now_), store::tick_ns(now_), one.column()});
  store::AuditEntry const audit{now_, who,
                                "rename " + renaming_.from + " to " + renaming_.to + ": " +
                                    std::to_string(all_.size()) + " series"};
  if (auto deleted = admin_.store.delete_rows(tombstones, audit); !deleted) return deleted;
  admin_.log.info("{}: {}", audit.who, audit.what);
  return {};
}

std::string Rename::answer() const {
  graphite::JsonText json;
  json.open_object();
  json.key("from");
  json.string(renaming_.from);
  json.key("to");
  json.string(renaming_.to);
  json.key("series");
  json.integer(static_cast<std::int64_t>(all_.size()));
  json.key("points");
  json.integer(static_cast<std::int64_t>(points_));
  json.key("dry_run");
  json.boolean(renaming_.dry_run);
  json.close_object();
  return json.take() + "\n";
}

http::Response run_rename(AdminSeams const& admin, ImportSeams const& import,
                          http::Request const& request, Abandoned const& abandoned) {
  // What the log still brings back would be missed.
  if (!admin.store.replayed())
    return http::text_response(503, "the log of earlier runs is still being read; try again\n");
  auto const renaming = read_renaming(request, import.prefix);
  if (!renaming) return error_response(renaming.error());
  Rename rename(admin, import, *renaming, abandoned);
  auto done = rename.find();
  if (done && !renaming->dry_run) done = rename.run(request.peer);
  if (!done && done.error().code == Errc::conflict)
    return http::text_response(409, to_string(done.error()) + "\n");
  if (!done) return error_response(done.error());
  return http::json_response(200, rename.answer());
}

}  // namespace

void add_rename_route(Router& router, AdminSeams admin, ImportSeams import) {
  router.add(
      "/store/rename", "POST", [admin, import](http::Request request, http::Responder respond) {
        auto job = [admin, import, respond, request = std::move(request)] {
          if (!respond.abandoned())
            respond(run_rename(admin, import, request, [&respond] { return respond.abandoned(); }));
        };
        if (!admin.pool.submit(std::move(job)))
          respond(http::text_response(503, "too many requests wait; try again\n"));
      });
}

}  // namespace dadvisor::aggregator::api
