#include "aggregator/point_receivers.hpp"

#include <algorithm>

#include "graphite-bridge/carbon/pickled_points.hpp"

namespace dadvisor::aggregator {
namespace {

using namespace std::chrono_literals;

// What was taken is in the log within a second, with the time of a sync to spare.
constexpr auto flush_every = 400ms;
constexpr auto look_every = 1s;  // at carbon's files

std::vector<Entity> foreign_entities(store::Store const& store) {
  std::vector<Entity> known;
  auto const entities = store.entities();
  for (store::EntityInfo const& info : *entities)
    if (info.entity.key.kind == EntityKind::foreign) known.push_back(info.entity);
  return known;
}

ingest::RouterOptions router_options(Settings const& settings) {
  ingest::RouterOptions options;
  options.prefix = settings.prefix;
  return options;
}

}  // namespace

Result<config::HostPort> receiver_address(std::string const& text) {
  bool const port_alone =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return config::parse_host_port(port_alone ? "127.0.0.1:" + text : text);
}

std::unique_ptr<ingest::ForeignRows> open_foreign_rows(http::Loop& loop, store::Store& store,
                                                       Log const& log) {
  return std::make_unique<ingest::ForeignRows>(
      ingest::ForeignRowsOptions(), store,
      [&loop](auto function) { loop.post(std::move(function)); }, log.named("points"),
      foreign_entities(store));
}

PointReceivers::PointReceivers(http::Loop& loop, Settings const& settings, store::Store& store,
                               Clock const& clock, graphite::CarbonDirectory& directory,
                               Log const& log)
    : clock_(clock),
      directory_(directory),
      rows_(open_foreign_rows(loop, store, log)),
      points_(router_options(settings), *rows_, directory.files(), clock) {}

Result<std::unique_ptr<PointReceivers>> PointReceivers::open(
    http::Loop& loop, Settings const& settings, store::Store& store, Clock const& clock,
    graphite::CarbonDirectory& directory, Log const& log) {
  if (settings.graphite_listen.empty() && settings.graphite_pickle_listen.empty() &&
      settings.graphite_udp_listen.empty())
    return std::unique_ptr<PointReceivers>();
  auto made = std::unique_ptr<PointReceivers>(
      new PointReceivers(loop, settings, store, clock, directory, log));
  auto& points = made->points_;
  auto const stream = [&](std::string const& address, char const* key, std::size_t most_waiting,
                          http::MakeStreamReader make) -> Result<void> {
    if (address.empty()) return {};
    auto const where = receiver_address(address);
    if (!where) return where.error().within(key);
    http::StreamOptions options;
    options.host = where->host;
    options.port = where->port;
    options.most_waiting = most_waiting;
    options.may_read = [&points] { return points.may_read(); };
    auto server = http::StreamServer::listen(loop, options, std::move(make));
    if (!server) return server.error().within(key);
    made->streams_.push_back(std::move(*server));
    log.info("takes Graphite points on {} ({})", config::to_string(*where), key);
    return {};
  };
  if (auto done = stream(settings.graphite_listen, "graphite.listen", ingest::most_line_bytes,
                         [&points](std::string const&) { return points.line_reader(); });
      !done)
    return done.error();
  if (auto done = stream(settings.graphite_pickle_listen, "graphite.pickle_listen",
                         graphite::most_pickle_bytes + graphite::pickle_header_bytes,
                         [&points](std::string const&) { return points.pickle_reader(); });
      !done)
    return done.error();
  if (!settings.graphite_udp_listen.empty()) {
    auto const where = receiver_address(settings.graphite_udp_listen);
    if (!where) return where.error().within("graphite.udp_listen");
    auto server =
        http::DatagramServer::listen(loop, where->host, where->port,
                                     [&points](std::string_view bytes) { points.datagram(bytes); });
    if (!server) return server.error().within("graphite.udp_listen");
    made->datagrams_ = std::move(*server);
  }
  return made;
}

void PointReceivers::tick() {
  auto const now = clock_.monotonic();
  if (now - looked_ >= look_every) {
    looked_ = now;
    if (directory_.poll()) points_.use(directory_.files());
  }
  if (now - flushed_ < flush_every) return;
  flushed_ = now;
  points_.tick();
}

void PointReceivers::stop() {
  streams_.clear();
  datagrams_.reset();
  points_.tick(true);
}

http::StreamCounts PointReceivers::connections() const {
  http::StreamCounts all;
  for (auto const& server : streams_) {
    auto const counts = server->counts();
    all.connections += counts.connections;
    all.open += counts.open;
    all.rejected += counts.rejected;
    all.timeouts += counts.timeouts;
    all.refused += counts.refused;
    all.pauses += counts.pauses;
    all.bytes += counts.bytes;
  }
  return all;
}

}  // namespace dadvisor::aggregator
