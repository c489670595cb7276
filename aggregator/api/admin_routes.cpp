#include "aggregator/api/admin_routes.hpp"

#include <utility>

#include "aggregator/api/deletion.hpp"
#include "aggregator/api/graphite_routes.hpp"
#include "graphite-bridge/json_text.hpp"

namespace dadvisor::aggregator::api {
namespace {

using graphite::JsonText;

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
  if (directory.empty()) return error_response(Error{Errc::malformed, 0, "directory is missing"});
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
