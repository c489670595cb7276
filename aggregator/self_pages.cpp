#include "aggregator/self_pages.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include "graphite-bridge/json_text.hpp"

namespace dadvisor::aggregator {
namespace {

using graphite::JsonText;

constexpr std::size_t listed_streams = 100;

void write_field(JsonText& json, char const* name, std::uint64_t value) {
  json.key(name);
  json.integer(static_cast<std::int64_t>(value));
}

double seconds(Nanoseconds span) { return std::chrono::duration<double>(span).count(); }

void write_streams(JsonText& json, Stages const& stages, WallTime now, std::size_t most) {
  auto streams = stages.ingest.streams();
  auto const lag = lag_of(streams, now);
  json.open_object();
  write_field(json, "known", lag.streams);
  write_field(json, "spoken", lag.spoken);
  write_field(json, "late", lag.late);
  json.key("greatest_lag_seconds");
  json.number(seconds(lag.greatest));
  json.key("list");
  json.open_array();
  // Those that never spoke come first: no tick is before every tick.
  std::ranges::stable_sort(streams, {}, &ingest::StreamView::newest_tick);
  if (streams.size() > most) streams.resize(most);
  for (auto const& stream : streams) {
    json.open_object();
    json.key("agent");
    json.string(stream.agent);
    json.key("last_tick");
    if (stream.newest_tick)
      json.integer(unix_seconds(*stream.newest_tick));
    else
      json.null();
    json.key("lag_seconds");
    if (stream.newest_tick)
      json.number(seconds(now - *stream.newest_tick));
    else
      json.null();
    json.key("clock_offset_seconds");
    if (stream.clock_offset)
      json.number(seconds(*stream.clock_offset));
    else
      json.null();
    json.close_object();
  }
  json.close_array();
  json.close_object();
}

// What agents dropped before it was here.
void write_lost(JsonText& json, ingest::Ingest const& ingest) {
  json.open_object();
  write_field(json, "batches", ingest.counters().lost);
  json.key("newest");
  json.open_array();
  for (auto const& lost : ingest.lost()) {
    json.open_object();
    json.key("agent");
    json.string(lost.agent);
    json.key("lane");
    json.string(lost.range.lane == Lane::fresh ? "fresh" : "backlog");
    write_field(json, "first", lost.range.first);
    write_field(json, "last", lost.range.last);
    json.key("told");
    json.integer(unix_seconds(lost.told));
    json.key("after");
    if (lost.after)
      json.integer(unix_seconds(*lost.after));
    else
      json.null();
    json.close_object();
  }
  json.close_array();
  json.close_object();
}

// Null where there is none.
void write_moment(JsonText& json, char const* name, WallTime when) {
  json.key(name);
  if (when == WallTime::min())
    json.null();
  else
    json.integer(unix_seconds(when));
}

void write_store(JsonText& json, store::Store const& store) {
  auto const counters = store.counters();
  json.open_object();
  json.key("writable");
  json.boolean(store.writable());
  json.key("replayed");
  json.boolean(store.replayed());
  write_field(json, "entities", counters.entities);
  write_field(json, "dead_entities", counters.dead_entities);
  write_field(json, "head_rows", counters.head_rows);
  write_field(json, "log_bytes", counters.log_bytes);
  write_field(json, "spill_bytes", counters.spill_bytes);
  write_field(json, "spill_files", counters.spill_files);
  write_field(json, "deleted_entities", counters.deleted_entities);
  write_moment(json, "raw_from", store.raw_from());
  json.close_object();
}

// By tier, the 10 s rows of apps and totals first.
void write_tiers(JsonText& json, Stages const& stages) {
  auto const counters = stages.store.counters();
  auto const rollup = stages.pipeline.rollup_counters();
  json.open_array();
  json.open_object();
  json.key("tier");
  json.string("10s");
  write_field(json, "bytes", counters.spill_bytes);
  write_field(json, "dirty_windows", rollup.dirty_windows);
  json.close_object();
  for (store::Tier const tier : store::all_tiers) {
    auto const at = static_cast<std::size_t>(tier);
    json.open_object();
    json.key("tier");
    json.string(store::name_of(tier));
    write_field(json, "files", counters.files_of_tier[at]);
    write_field(json, "bytes", counters.tier_bytes[at]);
    write_field(json, "dirty_windows", counters.dirty_windows[at]);
    write_moment(json, "sealed_until", stages.store.sealed_until(tier));
    json.close_object();
  }
  json.close_array();
}

template <typename Counters>
void write_sink(JsonText& json, char const* kind, std::string const& receiver,
                Counters const& counters, std::uint64_t points) {
  json.open_object();
  json.key("kind");
  json.string(kind);
  json.key("receiver");
  json.string(receiver);
  json.key("connected");
  json.boolean(counters.connected);
  json.key("cursor");
  if (counters.cursor == WallTime{})
    json.null();
  else
    json.integer(unix_seconds(counters.cursor));
  write_field(json, "points", points);
  write_field(json, "skipped_seconds", counters.skipped_seconds);
  json.close_object();
}

void write_sinks(JsonText& json, Sinks const& sinks) {
  json.open_array();
  for (auto const& carbon : sinks.carbons) {
    auto const counters = carbon->counters();
    write_sink(json, "carbon", carbon->receiver(), counters, counters.points);
  }
  if (sinks.remote_write) {
    auto const counters = sinks.remote_write->counters();
    write_sink(json, "remote_write", sinks.remote_write->receiver(), counters, counters.samples);
  }
  json.close_array();
}

void write_alerts(JsonText& json, alert::AlertEngine const& alerts) {
  auto const counters = alerts.counters();
  json.open_object();
  write_field(json, "rules", counters.rules);
  write_field(json, "instances", counters.instances);
  write_field(json, "pending", counters.pending);
  write_field(json, "firing", counters.firing);
  write_field(json, "nodata", counters.nodata);
  json.key("last_tick");
  if (counters.last_tick == alert::Tick{})
    json.null();
  else
    json.integer(counters.last_tick.time_since_epoch().count());
  json.close_object();
}

void write_notices(JsonText& json, notify::Notifier const& notifier) {
  auto const counters = notifier.counters();
  json.open_object();
  write_field(json, "waiting", counters.outbox.waiting);
  write_field(json, "sent", counters.messages_sent);
  write_field(json, "failed", counters.messages_failed);
  json.key("oldest_waiting_seconds");
  json.number(seconds(counters.oldest_waiting));
  json.close_object();
}

http::Response readiness(Stages const& stages) {
  if (!stages.store.writable())
    return http::text_response(503, "the store cannot write: is its disk full or failing?\n");
  if (!stages.store.replayed())
    return http::text_response(503, "rows from before the restart are still being read\n");
  if (!stages.pipeline.settled())
    return http::text_response(
        503, "agents known before the restart have not all spoken yet; ready 30 s after it\n");
  return http::text_response(200, "ok\n");
}

}  // namespace

std::string status_json(Stages const& stages, std::size_t most) {
  auto const now = stages.clock.wall();
  JsonText json;
  json.open_object();
  json.key("version");
  json.string(DADVISOR_VERSION);
  json.key("started");
  json.integer(unix_seconds(stages.started));
  json.key("uptime_seconds");
  json.number(seconds(now - stages.started));
  json.key("ready");
  json.boolean(stages.pipeline.settled() && stages.store.writable());
  json.key("streams");
  write_streams(json, stages, now, most);
  json.key("lost");
  write_lost(json, stages.ingest);
  json.key("store");
  write_store(json, stages.store);
  json.key("tiers");
  write_tiers(json, stages);
  json.key("sinks");
  write_sinks(json, stages.sinks);
  json.key("alerts");
  write_alerts(json, stages.alerts);
  json.key("notices");
  write_notices(json, stages.notifier);
  auto const events = stages.events.counters();
  json.key("events");
  json.open_object();
  write_field(json, "recorded", events.recorded);
  write_field(json, "waiting", events.waiting);
  write_field(json, "followers", stages.stream.counters().clients);
  json.close_object();
  json.close_object();
  return json.take() + "\n";
}

void add_self_pages(api::Router& router, Stages const& stages) {
  auto const metrics = std::make_shared<self::SelfMetrics const>(own_metrics(stages));
  router.add("/metrics", "GET", [metrics](http::Request, http::Responder respond) {
    respond(http::typed_response(200, self::SelfMetrics::content_type, metrics->text()));
  });
  router.add("/readyz", "GET",
             [stages](http::Request, http::Responder respond) { respond(readiness(stages)); });
  router.add("/api/v1/status", "GET", [stages](http::Request request, http::Responder respond) {
    std::size_t most = listed_streams;
    if (auto const given = http::parameter(request.parameters, "streams")) {
      auto const [end, failure] =
          std::from_chars(given->data(), given->data() + given->size(), most);
      if (failure != std::errc() || end != given->data() + given->size())
        return respond(http::text_response(400, "streams: must be a number\n"));
    }
    respond(http::json_response(200, status_json(stages, most)));
  });
}

}  // namespace dadvisor::aggregator
