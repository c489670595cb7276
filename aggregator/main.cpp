// dadvisor-aggregator: builds the stages and plugs them together. Threads: this one runs the HTTP
// loop; the store has its log and store threads; queries have a pool, alerts a thread of their
// own, notifications one per channel, and each sink one.

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <future>
#include <limits>
#include <thread>

#include "aggregator/admin_socket.hpp"
#include "aggregator/alert/engine.hpp"
#include "aggregator/alert/rule_directory.hpp"
#include "aggregator/alert/rule_file.hpp"
#include "aggregator/api/access.hpp"
#include "aggregator/api/alert_routes.hpp"
#include "aggregator/api/event_routes.hpp"
#include "aggregator/api/event_stream.hpp"
#include "aggregator/api/graphite_routes.hpp"
#include "aggregator/api/query_pool.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/api/tag_routes.hpp"
#include "aggregator/api/tag_series_routes.hpp"
#include "aggregator/event/announcer.hpp"
#include "aggregator/event/event_finder.hpp"
#include "aggregator/event/event_watch.hpp"
#include "aggregator/ingest/ingest.hpp"
#include "aggregator/notify/figures_context.hpp"
#include "aggregator/notify/notify_file_watch.hpp"
#include "aggregator/observers.hpp"
#include "aggregator/open_notifier.hpp"
#include "aggregator/pipeline.hpp"
#include "aggregator/point_receivers.hpp"
#include "aggregator/self_pages.hpp"
#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/store_series_source.hpp"
#include "aggregator/settings.hpp"
#include "aggregator/sinks.hpp"
#include "aggregator/start_failure.hpp"
#include "aggregator/store/real_disk.hpp"
#include "aggregator/store/store.hpp"
#include "common/deflate/deflate.hpp"
#include "common/http/server.hpp"

namespace dadvisor::aggregator {
namespace {

using namespace std::chrono_literals;

constexpr char const* default_config = "/etc/dadvisor/aggregator.yml";

LogLevel level_of(std::string const& name) {
  return name == "debug"     ? LogLevel::debug
         : name == "warning" ? LogLevel::warning
         : name == "error"   ? LogLevel::error
                             : LogLevel::info;
}

http::Handler ingest_handler(ingest::Ingest& ingest,
                             void (ingest::Ingest::*take)(std::string,
                                                          ingest::Ingest::Proven const&,
                                                          ingest::ReplyCallback)) {
  return [&ingest, take](http::Request request, http::Responder respond) {
    respond.unwatched();  // what came is kept, whoever waits for the answer
    static ingest::Ingest::Proven const anybody;
    auto const& proven = request.peer_names ? *request.peer_names : anybody;
    (ingest.*take)(std::move(request.body), proven, [respond](ingest::Reply reply) {
      bool const json = reply.status == 200 || reply.status == 409;
      auto response = json ? http::json_response(reply.status, std::move(reply.body))
                           : http::text_response(reply.status, std::move(reply.body));
      if (reply.retry_after)
        response.headers.emplace_back("Retry-After", std::to_string(reply.retry_after->count()));
      respond(std::move(response));
    });
  };
}

store::StoreOptions store_options(Settings const& settings) {
  store::StoreOptions options;
  options.directory = settings.data_dir + "/store";
  options.retention = settings.retention;
  options.raw_waits_for_tiers = true;  // the pipeline makes them
  options.tiers.of(store::Tier::minute_instances).retention = settings.retention_1m_instances;
  options.tiers.of(store::Tier::minute).retention = settings.retention_1m;
  options.tiers.of(store::Tier::ten_minutes).retention = settings.retention_10m;
  options.compress_tiers = settings.compress_tiers;
  options.head_span = settings.head_span;
  options.name_of = series::instance_node;
  return options;
}

// Null where it listens in the clear.
std::shared_ptr<http::TlsCredentials> open_tls(Settings const& settings,
                                               config::OptionTable const& table, Log const& log) {
  bool const certified = !settings.tls_certificate.empty();
  if (certified == settings.tls_key.empty())
    fail(table.where(certified ? "tls_certificate" : "tls_key") +
         ": a certificate and its key belong together; give tls_certificate and tls_key");
  if (!certified && !settings.tls_client_ca.empty())
    fail(table.where("tls_client_ca") +
         ": clients are asked by TLS alone; give tls_certificate and tls_key too");
  if (!certified) return nullptr;
  auto opened = http::TlsCredentials::for_server(
      {settings.tls_certificate, settings.tls_key, settings.tls_client_ca}, log.named("tls"));
  if (!opened) fail("TLS: " + to_string(opened.error()));
  return std::move(*opened);
}

int run(Settings settings, config::OptionTable const& table) {
  SystemClock const clock;
  Log const log("aggregator", level_of(settings.log_level));

  api::Access access;
  if (!settings.token_file.empty()) {
    auto loaded = api::Access::from_file(settings.token_file);
    if (!loaded) fail(table.where("token_file") + ": " + to_string(loaded.error()));
    access = std::move(*loaded);
  } else if (!api::is_loopback(settings.listen.host)) {
    fail(table.where("listen") + ": " + config::to_string(settings.listen) +
         " is open to the network; give a token_file, or listen on 127.0.0.1");
  }

  auto const tls = open_tls(settings, table, log);
  if (!tls && !api::is_loopback(settings.listen.host))
    log.warning("figures and tokens go in the clear: give tls_certificate and tls_key");
  if (!settings.tls_client_ca.empty()) access.expect_certificates();
  if (!settings.host_tokens_file.empty()) {
    auto tokens = ingest::HostTokens::open(settings.host_tokens_file, log.named("tokens"));
    if (!tokens) fail(table.where("host_tokens_file") + ": " + to_string(tokens.error()));
    access.set_host_tokens(std::move(*tokens));
  }

  notify::LoadedDirectory directory;
  notify::NotifyFileWatch notify_file(settings.notify_file, clock, log.named("notify"));
  if (table.given("notify_file") || std::filesystem::exists(settings.notify_file))
    directory = notify_file.load();
  fail_if_any(directory.errors);
  alert::LoadedRules rules;
  // Before the first load: what changes meanwhile is loaded again.
  alert::RuleDirectory rule_directory(settings.rules_dir, directory.directory.receiver_names(),
                                      clock, log.named("rules"));
  if (table.given("rules_dir") || std::filesystem::exists(settings.rules_dir))
    rules = alert::load_rules(settings.rules_dir, directory.directory.receiver_names());
  fail_if_any(rules.errors);

  auto carbon_files = graphite::load_carbon_files(settings.graphite_conf_dir);
  fail_if_any(carbon_files.errors);
  graphite::CarbonDirectory carbon_directory(settings.graphite_conf_dir,
                                             std::move(carbon_files.files), log.named("points"));

  std::error_code made;
  std::filesystem::create_directories(settings.data_dir + "/alerts", made);
  if (made)
    fail(table.where("data_dir") + ": " + settings.data_dir + ": " + made.message() +
         "; give a directory that this user may write, by --data-dir");

  auto const events_file = settings.data_dir + "/events.db";
  event::WatchOptions watch_options;
  watch_options.retention = settings.retention;
  event::EventWatch watch(watch_options, or_fail("events", event::EventLog::open(events_file)),
                          clock, log.named("event"));
  event::EventFinder const finder(or_fail("events", event::EventReader::open(events_file)));
  auto told_events = or_fail("events", event::EventLog::open(events_file));

  Pipeline pipeline(clock, log.named("rollup"));
  Observers observers({&pipeline, &watch});
  store::RealDisk disk;
  auto opened =
      store::Store::open(store_options(settings), disk, clock, log.named("store"), &observers);
  if (!opened) fail("store: " + to_string(opened.error()), 1);
  auto store = std::move(*opened);

  series::SeriesOptions series_options;
  series_options.prefix = settings.prefix;
  series_options.events = [&finder](auto const& tags, std::int64_t from, std::int64_t until) {
    return finder.find(tags, from, until);
  };
  series_options.carbon_files = [&carbon_directory] { return carbon_directory.files(); };
  series::StoreSeriesSource const source(*store, series_options);

  auto const url = settings.external_url.empty()
                       ? (tls ? "https://" : "http://") + config::to_string(settings.listen)
                       : settings.external_url;
  notify::FiguresContext const figures(
      source, [&source](std::string const& path) { return source.labels_of(path); },
      log.named("notify"));
  auto const notifier = open_notifier(settings, directory.directory, figures, url, clock, log);

  alert::AlertOptions alert_options;
  alert_options.directory = settings.data_dir + "/alerts";
  alert_options.step = std::chrono::duration_cast<std::chrono::seconds>(settings.evaluate_every);
  // A rule may watch all that a pattern may match.
  alert_options.limits = query_limits(settings);
  alert_options.limits.series = std::numeric_limits<std::size_t>::max();
  alert::AlertSeams seams;
  seams.source = &source;
  seams.labels_of = [&source](std::string const& path) { return source.labels_of(path); };
  seams.deliver = [&notifier](auto const& notices) { return notifier->deliver(notices); };
  seams.gone = [&source](std::string const& path, alert::Tick tick) {
    return source.ended(path, tick);
  };
  seams.ingest_behind = [&pipeline](alert::Tick) { return !pipeline.settled(); };
  auto engine = alert::AlertEngine::open(alert_options, std::move(rules.rules), std::move(seams),
                                         clock, log.named("alert"));
  if (!engine) fail("alerts: " + to_string(engine.error()), 1);
  auto const alerts = std::move(*engine);

  auto sinks = open_sinks(settings, table, source, clock, log);

  http::Loop loop;
  ingest::Ingest ingest(
      {}, *store, clock, [&loop](auto function) { loop.post(std::move(function)); },
      log.named("ingest"));
  if (!settings.graphite_listen.empty() || !settings.graphite_pickle_listen.empty() ||
      !settings.graphite_udp_listen.empty()) {
    // Their rows go on where the log ends, slot by slot: what it names must be known first.
    std::promise<void> replayed;
    store->post([&replayed] { replayed.set_value(); });
    replayed.get_future().wait();
  }
  auto points =
      or_fail("points", PointReceivers::open(loop, settings, *store, clock, carbon_directory, log));
  auto const cores = std::thread::hardware_concurrency();
  auto const threads = settings.query_threads > 0 ? static_cast<std::size_t>(settings.query_threads)
                                                  : std::max(3U, cores) - 2;
  // Queries that give way to shorter ones keep what they have by then, up to
  // query_limits.memory_mb.
  constexpr std::size_t begun_more = 3;
  auto queries = std::make_unique<api::QueryPool>(threads, 1000, begun_more);
  // One thread: ticks are evaluated in order.
  auto evaluation = std::make_unique<api::QueryPool>(1, 100'000);

  api::EventStream stream(loop, or_fail("events", event::EventReader::open(events_file)));
  watch.start([&store](store::EntityId id) { return store->entity(id); },
              [&store] { return store->entities(); }, [&stream] { stream.notify(); });

  event::Announcer announcer(std::move(told_events), clock, settings.retention,
                             [&stream] { stream.notify(); });

  api::QueryCounts query_counts;
  std::unique_ptr<http::Server> server;
  Stages const stages{*store,
                      ingest,
                      pipeline,
                      watch,
                      announcer,
                      stream,
                      *alerts,
                      *notifier,
                      rule_directory,
                      notify_file,
                      sinks,
                      points.get(),
                      [&server] { return server->counts(); },
                      query_counts,
                      tls != nullptr,
                      access.host_tokens(),
                      clock,
                      clock.wall()};

  api::Router router;
  api::QueryTerms const terms{*queries, clock, query_counts, query_limits(settings),
                              settings.graphite_jsonp};
  api::add_graphite_routes(router, source, terms);
  api::add_alert_routes(router, {[&alerts = *alerts] { return alerts.instances(); },
                                 [&notifier] { return notifier->entries(); }});
  api::add_tag_routes(router, source, terms);
  api::add_tag_series_routes(router, source, terms);
  api::EventSeams events;
  events.one = [&finder](std::uint64_t id) { return finder.one(id); };
  events.announce = [&announcer](auto event) { return announcer.announce(std::move(event)); };
  api::add_event_routes(router, source, std::move(events), terms);
  router.add("/api/v1/events/stream", "GET", [&](http::Request request, http::Responder respond) {
    stream.answer(request, respond);
  });
  router.add("/api/v1/hello", "POST", ingest_handler(ingest, &ingest::Ingest::hello));
  router.add("/api/v1/batches", "POST", ingest_handler(ingest, &ingest::Ingest::batches));
  add_self_pages(router, stages);

  http::ServerOptions server_options;
  server_options.host = settings.listen.host;
  server_options.port = settings.listen.port;
  server_options.tls = tls;
  server_options.gzip = deflate::gzip;
  server_options.body_limit = 8 << 20;  // a request of batches, see delivery/PROTOCOL.md
  auto listening = http::Server::listen(
      loop, server_options,
      [&router, &access, &clock](http::Request request, http::Responder respond) {
        if (request.path == "/healthz")
          respond(http::text_response(200, "ok"));
        else if (auto admission = access.admit(request, clock.monotonic()); admission.refusal)
          respond(std::move(*admission.refusal));
        else {
          request.peer_names =
              admission.agents.empty()
                  ? nullptr
                  : std::make_shared<std::vector<std::string> const>(std::move(admission.agents));
          router(std::move(request), std::move(respond));
        }
      },
      log.named("http"));
  if (!listening) fail(to_string(listening.error()), 1);
  server = std::move(*listening);

  auto admin = std::make_unique<AdminSocket>(
      settings, table,
      AdminSocket::Behind{loop, *store, source, clock, pipeline, points.get(), carbon_directory,
                          log.named("admin")});

  // On the evaluation's thread. The receivers first: a new rule may name a new one.
  auto const reload = [&notify_file, &rule_directory, &alerts = *alerts, &notifier = *notifier] {
    if (auto changed = notify_file.poll()) {
      rule_directory.set_receivers(changed->receiver_names());
      notifier.replace(std::move(*changed));
    }
    if (auto changed = rule_directory.poll()) alerts.replace_rules(std::move(*changed));
  };
  PipelineListeners listeners;
  listeners.ready = [&](rollup::ReadyTick const& ready) {
    sinks.ready(ready.tick);
    auto const tick = std::chrono::floor<std::chrono::seconds>(ready.tick);
    auto const job = [&alerts = *alerts, &reload, &log, tick] {
      reload();
      if (auto const done = alerts.on_ready(tick); !done)
        log.warning("alerts at {}: {}", tick.time_since_epoch().count(), to_string(done.error()));
    };
    if (tick.time_since_epoch() % alert_options.step == 0s && !evaluation->submit(job))
      log.warning("alerts are more than 100000 ticks behind");
  };
  listeners.changed = [&](WallTime tick) { sinks.changed(tick); };
  auto const evaluated = alerts->counters().last_tick;
  pipeline.start(*store,
                 evaluated == alert::Tick{} ? std::nullopt : std::optional<WallTime>(evaluated),
                 std::move(listeners));
  notifier->start();

  http::Timer pulse;
  std::function<void()> const beat = [&] {
    pipeline.tick();
    if (points) points->tick();
    pulse = loop.after(100ms, beat);
  };
  beat();
  // Ticks look at the configuration too; but without agents there are none.
  http::Timer look;
  std::function<void()> const look_again = [&] {
    evaluation->submit(reload);
    look = loop.after(5s, look_again);
  };
  look_again();
  loop.on_signal({SIGTERM, SIGINT}, [&loop](int) { loop.stop(); });
  log.info("listens on {}{}, data in {}", config::to_string(settings.listen), tls ? " by TLS" : "",
           settings.data_dir);
  loop.run();

  log.info("stops");
  // Nothing new comes in; then whoever reads the store goes before it does.
  server.reset();
  admin->close();
  if (points) points->stop();
  pipeline.stop();
  admin.reset();
  queries.reset();
  evaluation.reset();
  sinks = {};
  notifier->stop();
  watch.stop();
  store.reset();  // what points->stop() handed over is written first
  return 0;
}

}  // namespace
}  // namespace dadvisor::aggregator

int main(int argc, char** argv) {
  using namespace dadvisor;
  aggregator::Settings settings;
  auto table = aggregator::settings_table(settings);
  auto const loaded = table.load(argc, argv, aggregator::default_config);
  if (!loaded.run) {
    std::fputs(loaded.output.c_str(), loaded.exit_code == 0 ? stdout : stderr);
    return loaded.exit_code;
  }
  if (loaded.print) {
    std::fputs(table.in_effect().c_str(), stdout);
    return 0;
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  return aggregator::run(std::move(settings), table);
}
