#include "aggregator/own_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "common/core/fd.hpp"

namespace dadvisor::aggregator {

namespace {

// Adds counters and gauges of one stage: each a field of what its counters() (or the like) gives.
template <typename Stage, typename Counters>
class Adder {
 public:
  using Get = Counters (Stage::*)() const;
  Adder(self::SelfMetrics& metrics, Stage const& stage, Get get)
      : metrics_(metrics), stage_(stage), get_(get) {}

  template <typename Field>
  void counter(std::string const& name, std::string help, Field Counters::*field) const {
    metrics_.counter("dadvisor_" + name + "_total", std::move(help), read(field));
  }
  template <typename Field>
  void gauge(std::string const& name, std::string help, Field Counters::*field) const {
    metrics_.gauge("dadvisor_" + name, std::move(help), read(field));
  }

 private:
  template <typename Field>
  self::SelfMetrics::Read read(Field Counters::*field) const {
    return
        [&stage = stage_, get = get_, field] { return static_cast<double>((stage.*get)().*field); };
  }
  self::SelfMetrics& metrics_;
  Stage const& stage_;
  Get get_;
};

void add_store(self::SelfMetrics& metrics, store::Store const& store) {
  using store::StoreCounters;
  Adder const add(metrics, store, &store::Store::counters);
  add.counter("store_batches", "Batches appended.", &StoreCounters::appended_batches);
  add.counter("store_log_bytes", "Bytes appended to the log.", &StoreCounters::appended_bytes);
  add.counter("store_syncs", "Syncs of the log.", &StoreCounters::syncs);
  add.counter("store_sync_failures", "Failed syncs.", &StoreCounters::sync_failures);
  add.counter("store_write_failures", "Failed writes.", &StoreCounters::write_failures);
  add.counter("store_rows", "Rows applied to the head.", &StoreCounters::applied_rows);
  add.counter("store_duplicate_rows", "Rows not applied twice.", &StoreCounters::duplicate_rows);
  add.counter("store_replayed_batches", "Batches replayed from the log at the start.",
              &StoreCounters::replayed_batches);
  add.counter("store_damaged_records", "Log records skipped.", &StoreCounters::damaged_records);
  add.counter("store_damaged_spills", "Spills, segments, tier files and parts of them skipped.",
              &StoreCounters::damaged_spills);
  add.counter("store_damaged_catalogue_rows", "Rows of the catalogue skipped.",
              &StoreCounters::damaged_catalogue_rows);
  add.counter("store_spills", "Spills written.", &StoreCounters::spills);
  add.counter("store_merges", "Spills merged to a segment.", &StoreCounters::merges);
  add.counter("store_spill_failures", "Spills that failed.", &StoreCounters::spill_failures);
  add.gauge("store_head_rows", "Rows in memory.", &StoreCounters::head_rows);
  add.gauge("store_entities", "Entities held in memory.", &StoreCounters::entities);
  add.gauge("store_dead_entities", "Containers that are over, on disk alone.",
            &StoreCounters::dead_entities);
  add.counter("store_buried_entities", "Containers that were over and left memory.",
              &StoreCounters::buried_entities);
  add.counter("store_revived_entities", "Of those the ones that a later row brought back.",
              &StoreCounters::revived_entities);
  add.counter("store_crowded_out_entities",
              "Of those the ones that went before their rows, for they were too many.",
              &StoreCounters::crowded_out_entities);
  add.gauge("store_log_size_bytes", "Size of the log.", &StoreCounters::log_bytes);
  add.gauge("store_unapplied_cells", "Cells on their way into memory.",
            &StoreCounters::unapplied_cells);
  add.gauge("store_spill_size_bytes", "Size of the spills.", &StoreCounters::spill_bytes);
  for (store::Tier const tier : store::all_tiers)
    metrics.gauge("dadvisor_store_tier_size_bytes", "Size of a coarser tier.",
                  {{"tier", std::string(store::name_of(tier))}}, [&store, tier] {
                    auto const at = static_cast<std::size_t>(tier);
                    return static_cast<double>(store.counters().tier_bytes[at]);
                  });
  add.counter("store_late_beyond_raw",
              "Late rows that came when the raw rows beside them were gone.",
              &StoreCounters::late_beyond_raw);
}

void add_ingest(self::SelfMetrics& metrics, ingest::Ingest const& ingest) {
  using ingest::IngestCounters;
  Adder const add(metrics, ingest, &ingest::Ingest::counters);
  add.counter("ingest_requests", "Requests with batches.", &IngestCounters::requests);
  add.counter("ingest_hellos", "Agents that said hello.", &IngestCounters::hellos);
  add.counter("ingest_frame_bytes", "Bytes of durable frames.", &IngestCounters::frame_bytes);
  add.counter("ingest_denied", "Requests answered 403.", &IngestCounters::denied);
  add.counter("ingest_append_failures", "Batches that the store did not keep.",
              &IngestCounters::append_failures);
  add.gauge("ingest_waiting_bytes", "Bytes of requests that wait for the disk.",
            &IngestCounters::waiting_bytes);
  add.counter("ingest_batches", "Batches taken, durable.", &IngestCounters::batches);
  add.counter("ingest_rows", "Rows taken, durable.", &IngestCounters::rows);
  add.counter("ingest_repeated", "Batches acknowledged again.", &IngestCounters::repeated);
  add.counter("ingest_quarantined", "Batches ahead of the clock, or from a wrong one.",
              &IngestCounters::quarantined);
  add.counter("ingest_too_old", "Batches older than 24 h.", &IngestCounters::too_old);
  add.counter("ingest_unfit", "Batches that contradict themselves.", &IngestCounters::unfit);
  add.counter("ingest_malformed", "Requests answered 4xx.", &IngestCounters::malformed);
  add.counter("ingest_turned_away", "Requests answered 429 or 503.", &IngestCounters::turned_away);
  add.counter("ingest_postponed_batches", "Batches of a backlog that there was no room for yet.",
              &IngestCounters::postponed);
  add.counter("ingest_lost", "Batches that agents declared lost.", &IngestCounters::lost);
  add.counter("ingest_conflicts", "Second agents under one id.", &IngestCounters::conflicts);
  add.gauge("ingest_agents", "Agents known.", &IngestCounters::agents);
}

void add_host_tokens(self::SelfMetrics& metrics, ingest::HostTokens const& tokens) {
  using ingest::HostTokenCounts;
  Adder const add(metrics, tokens, &ingest::HostTokens::counts);
  add.gauge("host_tokens", "Tokens of hosts of their own.", &HostTokenCounts::tokens);
  add.counter("host_tokens_reloads", "Changed files of them taken.", &HostTokenCounts::reloads);
  add.counter("host_tokens_reloads_refused",
              "Changed files of them that were wrong: the old one stayed.",
              &HostTokenCounts::refused_reloads);
}

void add_rollup(self::SelfMetrics& metrics, Pipeline const& pipeline, store::Store const& store) {
  using rollup::RollupCounters;
  Adder const add(metrics, pipeline, &Pipeline::rollup_counters);
  add.counter("rollup_rows", "App rows made from memory.", &RollupCounters::merged_rows);
  add.counter("rollup_total_rows", "Rows of whole clusters made.", &RollupCounters::total_rows);
  add.counter("rollup_late_batches", "Batches that came late.", &RollupCounters::late_batches);
  add.counter("rollup_recomputed_rows", "App rows made again from raw rows.",
              &RollupCounters::recomputed_rows);
  add.counter("rollup_read_failures", "Rows of the store that could not be read.",
              &RollupCounters::read_failures);
  constexpr char const* dirty_name = "dadvisor_tier_dirty_windows";
  constexpr char const* dirty_help = "Windows of a tier that wait to be made again.";
  metrics.gauge(dirty_name, dirty_help, {{"tier", "10s"}}, [&pipeline] {
    return static_cast<double>(pipeline.rollup_counters().dirty_windows);
  });
  for (store::Tier const tier : store::all_tiers)
    metrics.gauge(dirty_name, dirty_help, {{"tier", std::string(store::name_of(tier))}},
                  [&store, tier] {
                    auto const at = static_cast<std::size_t>(tier);
                    return static_cast<double>(store.counters().dirty_windows[at]);
                  });
  using rollup::TierCounters;
  Adder const tiers(metrics, pipeline, &Pipeline::tier_counters);
  tiers.counter("tier_periods", "Periods of tiers sealed.", &TierCounters::sealed_periods);
  tiers.counter("tier_rows", "Rows of tiers written.", &TierCounters::rows);
  tiers.counter("tier_mended", "Entities' periods made again.", &TierCounters::mended_ranges);
  tiers.counter("tier_failures", "Rows or files of tiers that could not be read or written.",
                &TierCounters::failures);
}

void add_lag(self::SelfMetrics& metrics, Stages const& stages) {
  auto const add = [&](char const* name, char const* help, auto read) {
    metrics.gauge(name, help, [&ingest = stages.ingest, &clock = stages.clock, read] {
      return static_cast<double>(read(lag_of(ingest.streams(), clock.wall())));
    });
  };
  add("dadvisor_ingest_streams_late", "Streams without a tick in the last minute.",
      [](Lag const& lag) { return lag.late; });
  add("dadvisor_ingest_streams_spoken", "Streams that spoke since the start.",
      [](Lag const& lag) { return lag.spoken; });
  add("dadvisor_ingest_clocks_off", "Streams whose host's clock is more than 5 s from ours.",
      [](Lag const& lag) { return lag.clocks_off; });
  add("dadvisor_ingest_lag_seconds", "Age of the newest tick of the stream furthest behind.",
      [](Lag const& lag) { return std::chrono::duration<double>(lag.greatest).count(); });
}

void add_events(self::SelfMetrics& metrics, event::EventWatch const& events,
                event::Announcer const& announcer, api::EventStream const& stream) {
  using event::AnnouncerCounters;
  Adder const told(metrics, announcer, &event::Announcer::counters);
  told.counter("events_announced", "Events that were told by POST /events.",
               &AnnouncerCounters::announced);
  told.counter("events_announce_failures", "Events that were told and could not be written.",
               &AnnouncerCounters::failures);
  using event::WatchCounters;
  Adder const add(metrics, events, &event::EventWatch::counters);
  add.counter("events_recorded", "Events recorded.", &WatchCounters::recorded);
  add.counter("events_known", "Events told again.", &WatchCounters::known);
  add.counter("events_dropped", "Events that found no place to wait.", &WatchCounters::dropped);
  add.counter("events_unnamed", "Events of entities that were forgotten.", &WatchCounters::unnamed);
  add.counter("events_failures", "Writes of events that failed and are tried again.",
              &WatchCounters::failures);
  add.counter("events_pruned", "Events that grew too old.", &WatchCounters::pruned);
  add.gauge("events_waiting", "Events that wait to be recorded.", &WatchCounters::waiting);
  using api::EventStreamCounters;
  auto const followed = [&](char const* name, char const* help,
                            std::uint64_t EventStreamCounters::*field) {
    metrics.counter(name, help,
                    [&stream, field] { return static_cast<double>(stream.counters().*field); });
  };
  followed("dadvisor_events_followed_total", "Followers of the event stream so far.",
           &EventStreamCounters::accepted);
  followed("dadvisor_events_refused_followers_total", "Followers over the limit.",
           &EventStreamCounters::refused);
  followed("dadvisor_events_sent_total", "Events sent to followers.", &EventStreamCounters::sent);
  followed("dadvisor_events_read_failures_total", "Events that could not be read for followers.",
           &EventStreamCounters::read_failures);
  metrics.gauge("dadvisor_events_followers", "Followers of the event stream.",
                [&stream] { return static_cast<double>(stream.counters().clients); });
}

void add_http(self::SelfMetrics& metrics, std::function<http::ServerCounts()> const& counts,
              bool tls) {
  using http::ServerCounts;
  auto const add = [&](char const* name, char const* help, std::uint64_t ServerCounts::*field) {
    metrics.counter(std::string("dadvisor_http_") + name + "_total", help,
                    [counts, field] { return static_cast<double>(counts().*field); });
  };
  add("connections", "Connections accepted.", &ServerCounts::connections);
  add("requests", "Whole requests.", &ServerCounts::requests);
  add("refused", "Requests malformed or too large.", &ServerCounts::refused);
  add("timeouts", "Connections closed for slowness.", &ServerCounts::timeouts);
  add("rejected", "Connections over the limit.", &ServerCounts::rejected);
  add("streams", "Answers that were followed.", &ServerCounts::streams);
  add("cut_streams", "Followers cut for slowness.", &ServerCounts::cut_streams);
  add("tls_failures", "Connections that ended before TLS was established.",
      &ServerCounts::tls_failures);
  add("tls_reloads", "Changed files of TLS that were taken.", &ServerCounts::tls_reloads);
  add("tls_reloads_refused", "Changed files of TLS that were wrong: the old ones stayed.",
      &ServerCounts::tls_refused_reloads);
  if (tls)
    metrics.gauge("dadvisor_http_tls_expires_seconds", "When the certificate shown expires.",
                  [counts] {
                    auto const expires = counts().tls_expires;
                    return expires ? static_cast<double>(unix_seconds(*expires)) : 0;
                  });
  metrics.gauge("dadvisor_http_open", "Connections open.",
                [counts] { return static_cast<double>(counts().open); });
}

void add_queries(self::SelfMetrics& metrics, api::QueryCounts const& counts) {
  for (std::size_t i = 0; i < std::size(graphite::query_limit::all); ++i)
    metrics.counter("dadvisor_query_refused_total", "Queries refused or stopped, by the limit.",
                    {{"limit", graphite::query_limit::all[i]}},
                    [&counts, i] { return static_cast<double>(counts.refused(i)); });
  metrics.counter("dadvisor_query_abandoned_total", "Queries whose client hung up before the end.",
                  [&counts] { return static_cast<double>(counts.abandoned()); });
}

void add_process(self::SelfMetrics& metrics, WallTime started) {
  metrics.counter("process_cpu_seconds_total", "CPU time of this process.", [] {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    auto const seconds = [](timeval const& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
  });
  metrics.gauge("process_resident_memory_bytes", "Memory of this process.", [] {
    auto const pages = read_file("/proc/self/statm", 256);
    if (!pages) return 0.0;
    auto const resident = pages->substr(std::min(pages->find(' '), pages->size()));
    return std::strtod(resident.c_str(), nullptr) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  });
  metrics.gauge("process_start_time_seconds", "When this process began.", [started] {
    return std::chrono::duration<double>(started.time_since_epoch()).count();
  });
}

void add_alerts(self::SelfMetrics& metrics, alert::AlertEngine const& alerts) {
  using alert::AlertCounters;
  Adder const add(metrics, alerts, &alert::AlertEngine::counters);
  add.counter("alert_evaluations", "Rules evaluated.", &AlertCounters::evaluations);
  add.counter("alert_evaluation_errors", "Evaluations that failed.",
              &AlertCounters::evaluation_errors);
  add.counter("alert_skipped_ticks", "Ticks not evaluated.", &AlertCounters::skipped_ticks);
  add.counter("alert_notices", "Notices made.", &AlertCounters::notices);
  add.counter("alert_folded_notices", "Notices of states already left.",
              &AlertCounters::folded_notices);
  add.counter("alert_journal_failures", "Failed writes of the journal.",
              &AlertCounters::journal_failures);
  add.counter("alert_deliver_failures", "Notices that the outbox did not take at once.",
              &AlertCounters::deliver_failures);
  add.counter("alert_ticks", "Ticks evaluated.", &AlertCounters::ticks);
  add.counter("alert_transitions", "Changes of state.", &AlertCounters::transitions);
  add.gauge("alert_instances", "Instances that rules watch.", &AlertCounters::instances);
  metrics.counter(
      "dadvisor_alert_evaluation_seconds_total", "Time spent in evaluation.",
      [&alerts] { return std::chrono::duration<double>(alerts.counters().evaluating).count(); });
  metrics.gauge("dadvisor_alert_last_tick_seconds", "The last tick evaluated.", [&alerts] {
    return static_cast<double>(alerts.counters().last_tick.time_since_epoch().count());
  });
  add.gauge("alert_rules", "Rules loaded.", &AlertCounters::rules);
  add.gauge("alert_pending", "Instances about to fire.", &AlertCounters::pending);
  add.gauge("alert_firing", "Instances that fire.", &AlertCounters::firing);
  add.gauge("alert_nodata", "Instances without data.", &AlertCounters::nodata);
}

void add_notifier(self::SelfMetrics& metrics, notify::Notifier const& notifier) {
  using notify::NotifyCounters;
  Adder const add(metrics, notifier, &notify::Notifier::counters);
  add.counter("notify_sent", "Messages delivered.", &NotifyCounters::messages_sent);
  add.counter("notify_failed", "Attempts not taken.", &NotifyCounters::messages_failed);
  add.counter("notify_unroutable", "Notices for nobody.", &NotifyCounters::unroutable);
  add.counter("notify_receiver_gone", "Notices given up: their receiver is no more.",
              &NotifyCounters::receiver_gone);
  using notify::OutboxCounters;
  auto const outbox = [&](char const* name, char const* help,
                          std::uint64_t OutboxCounters::*field) {
    metrics.counter(std::string("dadvisor_notify_") + name + "_total", help, [&notifier, field] {
      return static_cast<double>(notifier.counters().outbox.*field);
    });
  };
  outbox("planned", "Messages planned.", &OutboxCounters::planned);
  outbox("retried", "Messages tried again.", &OutboxCounters::retried);
  outbox("given_up", "Messages given up.", &OutboxCounters::failed);
  outbox("write_failures", "Failed writes of the outbox.", &OutboxCounters::write_failures);
  metrics.gauge("dadvisor_notify_waiting", "Messages that wait.",
                [&notifier] { return static_cast<double>(notifier.counters().outbox.waiting); });
  metrics.gauge("dadvisor_notify_oldest_waiting_seconds", "Age of the oldest of them.",
                [&notifier] {
                  return std::chrono::duration<double>(notifier.counters().oldest_waiting).count();
                });
}

// How often a part of the configuration was loaded again.
void add_reloads(self::SelfMetrics& metrics, std::string const& name, std::string const& what,
                 std::function<alert::ReloadCounters()> const& counters) {
  metrics.counter("dadvisor_" + name + "_reloads_total",
                  "How often changed " + what + " were loaded.",
                  [counters] { return static_cast<double>(counters().taken); });
  metrics.counter("dadvisor_" + name + "_reloads_refused_total",
                  "How often changed " + what + " were wrong, so that the old ones stayed.",
                  [counters] { return static_cast<double>(counters().refused); });
  metrics.gauge(
      "dadvisor_" + name + "_loaded_seconds", "When the " + what + " in use were loaded.",
      [counters] {
        return std::chrono::duration<double>(counters().last_taken.time_since_epoch()).count();
      });
}

void add_carbon(self::SelfMetrics& metrics, Sinks const& sinks) {
  using sink::CarbonCounters;
  Adder const add(metrics, sinks, &Sinks::carbon_counters);
  add.counter("carbon_points", "Points sent.", &CarbonCounters::points);
  add.counter("carbon_refused", "Points that carbon cannot take.", &CarbonCounters::refused);
  add.counter("carbon_filtered", "Points that whitelist.conf or blacklist.conf keeps away.",
              &CarbonCounters::filtered);
  add.counter("carbon_failures", "Connections broken or refused.", &CarbonCounters::failures);
  add.counter("carbon_read_failures", "Points that the store could not give.",
              &CarbonCounters::read_failures);
  add.counter("carbon_skipped_seconds", "Seconds of ticks that were never sent.",
              &CarbonCounters::skipped_seconds);
  metrics.gauge("dadvisor_carbon_cursor_seconds", "The last tick sent.", [&sinks] {
    return static_cast<double>(unix_seconds(sinks.carbon_counters().cursor));
  });
  add.gauge("carbon_connected", "Whether all carbons are there.", &CarbonCounters::connected);
}

void add_remote_write(self::SelfMetrics& metrics, sink::RemoteWriteSink const& sink) {
  using sink::RemoteWriteCounters;
  Adder const add(metrics, sink, &sink::RemoteWriteSink::counters);
  add.counter("remote_write_samples", "Samples acknowledged.", &RemoteWriteCounters::samples);
  add.counter("remote_write_refused", "Samples that a 4xx refused for good.",
              &RemoteWriteCounters::refused);
  add.counter("remote_write_stale", "Series that ended.", &RemoteWriteCounters::stale);
  add.counter("remote_write_requests", "Requests answered.", &RemoteWriteCounters::requests);
  add.counter("remote_write_bytes", "Of their bodies.", &RemoteWriteCounters::bytes);
  add.counter("remote_write_failures", "Requests to be sent again.",
              &RemoteWriteCounters::failures);
  add.counter("remote_write_read_failures", "Samples that the store could not give.",
              &RemoteWriteCounters::read_failures);
  add.counter("remote_write_skipped_seconds", "Seconds of ticks that were never sent.",
              &RemoteWriteCounters::skipped_seconds);
  metrics.gauge("dadvisor_remote_write_cursor_seconds", "The last tick sent.",
                [&sink] { return static_cast<double>(unix_seconds(sink.counters().cursor)); });
  add.gauge("remote_write_connected", "Whether the receiver is there.",
            &RemoteWriteCounters::connected);
}

void add_points(self::SelfMetrics& metrics, PointReceivers const& points) {
  using ingest::PointCounters;
  Adder const add(metrics, points, &PointReceivers::counters);
  add.counter("points_received", "Graphite points that came.", &PointCounters::points);
  add.counter("points_taken", "Of them, stored or aggregated.", &PointCounters::taken);
  add.counter("points_made", "Points that aggregation rules made.", &PointCounters::made);
  add.counter("points_lines", "Lines of plaintext.", &PointCounters::lines);
  add.counter("points_pickles", "Pickles.", &PointCounters::pickles);
  add.counter("points_datagrams", "Datagrams.", &PointCounters::datagrams);
  auto const dropped = [&](char const* why, char const* help, std::uint64_t PointCounters::*field) {
    add.counter(std::string("points_dropped_") + why, help, field);
  };
  dropped("malformed", "What is no point.", &PointCounters::malformed);
  dropped("unfinished", "Messages whose end did not come.", &PointCounters::unfinished);
  dropped("bad_name", "Points whose name is not taken.", &PointCounters::bad_names);
  dropped("not_a_number", "Points without a value.", &PointCounters::not_a_number);
  dropped("infinite", "Infinite points.", &PointCounters::infinite);
  dropped("too_old", "Points older than 24 h.", &PointCounters::too_old);
  dropped("ahead", "Points ahead of the clock.", &PointCounters::ahead);
  dropped("blacklisted", "Points of blacklist.conf.", &PointCounters::blacklisted);
  dropped("not_whitelisted", "Points not of whitelist.conf.", &PointCounters::not_whitelisted);
  dropped("too_many_series", "Points of new series over the limit.",
          &PointCounters::too_many_series);
  dropped("log_full", "Points since too much waits for the log.", &PointCounters::log_full);
  dropped("aggregation_full", "Values that no rule could keep.", &PointCounters::aggregation_full);
  using ingest::ForeignRowsCounters;
  Adder const rows(metrics, points, &PointReceivers::row_counters);
  rows.counter("points_batches", "Batches of points, durable.", &ForeignRowsCounters::batches);
  rows.counter("points_rows", "Rows of points, durable.", &ForeignRowsCounters::rows);
  rows.counter("points_batches_again", "Batches that the log did not take at first.",
               &ForeignRowsCounters::again);
  rows.gauge("points_series", "Series of points known.", &ForeignRowsCounters::series);
  rows.gauge("points_entities", "Entities that hold them.", &ForeignRowsCounters::entities);
  rows.gauge("points_waiting_values", "Values not appended yet.",
             &ForeignRowsCounters::waiting_values);
  using http::StreamCounts;
  Adder const peers(metrics, points, &PointReceivers::connections);
  peers.counter("points_connections", "Connections.", &StreamCounts::connections);
  peers.gauge("points_connections_open", "Connections now.", &StreamCounts::open);
  peers.counter("points_connections_rejected", "Connections over the limit.",
                &StreamCounts::rejected);
  peers.counter("points_connections_late", "Connections cut for their silence.",
                &StreamCounts::timeouts);
  peers.counter("points_connections_refused", "Connections cut for what they sent.",
                &StreamCounts::refused);
  peers.counter("points_pauses", "Times that reading waited for the store.", &StreamCounts::pauses);
  peers.counter("points_bytes", "Bytes that came.", &StreamCounts::bytes);
}

}  // namespace

Lag lag_of(std::vector<ingest::StreamView> const& streams, WallTime now) {
  Lag lag;
  lag.streams = streams.size();
  for (auto const& stream : streams) {
    if (stream.newest_tick) {
      ++lag.spoken;
      lag.greatest = std::max(lag.greatest, now - *stream.newest_tick);
    }
    if (stream.clock_offset && std::chrono::abs(*stream.clock_offset) > ingest::told_clock_offset)
      ++lag.clocks_off;
    if (!stream.newest_tick || now - *stream.newest_tick > std::chrono::minutes(1)) ++lag.late;
  }
  return lag;
}

self::SelfMetrics own_metrics(Stages const& stages) {
  self::SelfMetrics metrics;
  add_store(metrics, stages.store);
  add_ingest(metrics, stages.ingest);
  add_lag(metrics, stages);
  add_rollup(metrics, stages.pipeline, stages.store);
  add_events(metrics, stages.events, stages.announcer, stages.stream);
  add_http(metrics, stages.http, stages.tls);
  add_queries(metrics, stages.queries);
  add_process(metrics, stages.started);
  add_alerts(metrics, stages.alerts);
  add_notifier(metrics, stages.notifier);
  add_reloads(metrics, "alert_rules", "rules", [&rules = stages.rules] { return rules.reloads(); });
  add_reloads(metrics, "notify_file", "receivers",
              [&file = stages.notify_file] { return file.reloads(); });
  if (stages.host_tokens != nullptr) add_host_tokens(metrics, *stages.host_tokens);
  if (stages.points != nullptr) add_points(metrics, *stages.points);
  if (!stages.sinks.carbons.empty()) add_carbon(metrics, stages.sinks);
  if (stages.sinks.remote_write) add_remote_write(metrics, *stages.sinks.remote_write);
  return metrics;
}

}  // namespace dadvisor::aggregator
