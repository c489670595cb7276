#include "aggregator/api/import_routes.hpp"

#include <memory>
#include <optional>

#include "aggregator/api/graphite_routes.hpp"
#include "graphite-bridge/json_text.hpp"

namespace dadvisor::aggregator::api {
namespace {

using graphite::JsonText;

// One audit line for all requests of a run of `dadvisor import-...`, told by its pid; each request
// says more of it. On the pool's thread.
class ImportAudit {
 public:
  Result<void> take(ImportSeams const& seams, std::string const& who, Imported const& import) {
    if (import.points == 0) return {};
    if (entry_.who != who) {
      *this = ImportAudit();
      entry_ = {seams.clock.wall(), who, {}};
      path_ = import.first_path;
    }
    points_ += import.points;
    entry_.what = "import " + std::to_string(points_) + " points, the first of " + path_;
    auto const noted = seams.store.note(entry_, number_);
    if (!noted) return noted.error();
    number_ = *noted;
    return {};
  }

 private:
  store::AuditEntry entry_;
  std::string path_;
  std::uint64_t points_ = 0;
  std::optional<std::int64_t> number_;
};

std::string answer_json(Imported const& done) {
  JsonText json;
  auto const field = [&json](std::string const& name, std::uint64_t value) {
    json.key(name);
    json.integer(static_cast<std::int64_t>(value));
  };
  json.open_object();
  field("series", done.series);
  field("points", done.points);
  json.key("points_sum");
  json.number(done.sum);
  field("values", done.values);
  field("kept", done.kept);
  json.key("refused");
  json.open_object();
  for (auto const& [why, count] : done.refused) field(why, count);
  json.close_object();
  json.close_object();
  return json.take() + "\n";
}

http::Response run_import(ImportSeams const& seams, http::Request const& request,
                          Abandoned const& abandoned, ImportAudit& audit) {
  auto parsed = ingest::parse_imported_points(request.body);
  if (!parsed) return error_response(parsed.error());
  auto const done = import_points(seams, std::move(*parsed), abandoned);
  if (!done) return error_response(done.error());
  if (auto noted = audit.take(seams, request.peer, *done); !noted)
    return error_response(noted.error());
  seams.log.info("{}: imported {} points of {} series", request.peer, done->points, done->series);
  return http::json_response(200, answer_json(*done));
}

}  // namespace

void add_import_route(Router& router, ImportSeams seams) {
  auto const audit = std::make_shared<ImportAudit>();
  router.add("/store/import", "POST",
             [seams, audit](http::Request request, http::Responder respond) {
               auto job = [seams, audit, respond, request = std::move(request)] {
                 if (respond.abandoned()) return;
                 respond(run_import(
                     seams, request, [&respond] { return respond.abandoned(); }, *audit));
               };
               if (!seams.pool.submit(std::move(job)))
                 respond(http::text_response(503, "too many requests wait; try again\n"));
             });
}

}  // namespace dadvisor::aggregator::api
