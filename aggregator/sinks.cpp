#include "aggregator/sinks.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "aggregator/start_failure.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::aggregator {
namespace {

struct Destination {
  config::HostPort peer;
  std::optional<std::string> instance;
  std::string text;
};

// HOST:PORT, or HOST:PORT:INSTANCE as carbon's DESTINATIONS have it.
Result<Destination> parse_destination(std::string const& text) {
  if (auto peer = config::parse_host_port(text, 2003)) return Destination{*peer, {}, text};
  auto const colon = text.rfind(':');
  auto const before = text.substr(0, colon);
  auto peer = config::parse_host_port(before);
  if (colon == std::string::npos || colon + 1 == text.size() || !peer)
    return Error{Errc::malformed, 0, text + ": must be HOST:PORT or HOST:PORT:INSTANCE"};
  return Destination{*peer, text.substr(colon + 1), text};
}

std::vector<Destination> carbon_destinations(Settings const& settings,
                                             config::OptionTable const& table) {
  std::vector<Destination> out;
  std::set<std::string> seen;
  for (auto const& text : settings.carbon) {
    if (text.empty()) continue;
    auto destination = parse_destination(text);
    if (!destination) fail(table.where("carbon") + ": " + to_string(destination.error()));
    // The ring knows server and instance alone, as carbon's.
    if (!seen.insert(destination->peer.host + "\n" + destination->instance.value_or("")).second)
      fail(
          table.where("carbon") + ": " + text +
          ": this server is there already; tell carbons of one server apart by HOST:PORT:INSTANCE");
    out.push_back(std::move(*destination));
  }
  if (static_cast<std::size_t>(settings.carbon_replication) > std::max<std::size_t>(out.size(), 1))
    fail(table.where("carbon_replication") + ": " + std::to_string(settings.carbon_replication) +
         ": there are not so many carbons");
  return out;
}

// As relay-rules.conf names it.
std::string name_of(Destination const& one) {
  bool const v6 = one.peer.host.find(':') != std::string::npos;
  auto name =
      (v6 ? "[" + one.peer.host + "]" : one.peer.host) + ":" + std::to_string(one.peer.port);
  return one.instance ? name + ":" + *one.instance : name;
}

// A slip of the pen would lose what goes there. Not of files that are read again: those who wrote
// them may be about to change the carbons too.
void check_relay_rules(graphite::RelayRules const& rules, std::vector<Destination> const& carbons,
                       std::string const& directory) {
  for (graphite::RelayRule const& rule : rules)
    for (std::string const& named : rule.destinations)
      if (std::ranges::find(carbons, named, name_of) == carbons.end())
        fail(directory + "/relay-rules.conf: " + named +
             ": is none of the setting carbon; name it there too, or leave it out");
}

// One carbon keeps the name that its cursor always had.
std::string cursor_file(Settings const& settings, Destination const& destination, bool alone) {
  if (alone) return settings.data_dir + "/carbon.cursor";
  auto name = destination.text;
  std::ranges::replace(name, '/', '_');
  return settings.data_dir + "/carbon-" + name + ".cursor";
}

std::shared_ptr<graphite::CarbonDirectory> open_carbon_files(Settings const& settings,
                                                             Log const& log) {
  if (settings.carbon_conf_dir.empty()) return nullptr;
  auto loaded = graphite::load_carbon_files(settings.carbon_conf_dir);
  fail_if_any(loaded.errors);
  return std::make_shared<graphite::CarbonDirectory>(settings.carbon_conf_dir,
                                                     std::move(loaded.files), log.named("carbon"));
}

void open_carbons(Sinks& sinks, Settings const& settings, config::OptionTable const& table,
                  series::StoreSeriesSource const& source, Clock const& clock, Log const& log) {
  auto const destinations = carbon_destinations(settings, table);
  if (destinations.empty()) return;
  sinks.carbon_files = open_carbon_files(settings, log);
  if (sinks.carbon_files)
    check_relay_rules(sinks.carbon_files->files()->relay, destinations, settings.carbon_conf_dir);
  bool const alone = destinations.size() == 1;
  std::vector<graphite::HashNode> nodes;
  for (auto const& one : destinations) nodes.push_back({one.peer.host, one.instance});
  auto const ring = alone ? nullptr : std::make_shared<graphite::HashRing const>(nodes);
  series::PointSelection selection;
  selection.instances = settings.carbon_instances;
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    sink::CarbonOptions options;
    options.host = destinations[i].peer.host;
    options.port = destinations[i].peer.port;
    options.protocol = settings.carbon_protocol == "pickle" ? sink::CarbonProtocol::pickle
                                                            : sink::CarbonProtocol::plaintext;
    options.routing = {ring,
                       i,
                       static_cast<std::size_t>(settings.carbon_replication),
                       name_of(destinations[i]),
                       {}};
    if (sinks.carbon_files)
      options.routing.files = [files = sinks.carbon_files] { return files->files(); };
    options.pump.cursor_file = cursor_file(settings, destinations[i], alone);
    options.pump.retention = settings.retention;
    sinks.carbons.push_back(std::make_unique<sink::CarbonSink>(
        std::move(options),
        [&source, selection](WallTime from, WallTime until, sink::PointVisitor const& point) {
          return source.points(from, until, selection,
                               [&point](series::PointPlace const& place, double value,
                                        WallTime tick) { point(place.path, value, tick); });
        },
        clock, log.named("carbon")));
  }
}

// Null where nobody is to be written to.
std::unique_ptr<sink::RemoteWriteSink> open_remote_write(Settings const& settings,
                                                         config::OptionTable const& table,
                                                         series::StoreSeriesSource const& source,
                                                         Clock const& clock, Log const& log) {
  if (settings.remote_write_url.empty()) return nullptr;
  if (!settings.remote_write_url.starts_with("http://") &&
      !settings.remote_write_url.starts_with("https://"))
    fail(table.where("remote_write.url") + ": " + settings.remote_write_url +
         ": must begin with http:// or https://");
  sink::RemoteWriteOptions options;
  options.url = settings.remote_write_url;
  options.ca_file = settings.remote_write_ca_file;
  if (!settings.remote_write_token_file.empty()) {
    auto const text = read_file(settings.remote_write_token_file, 4096);
    if (!text) fail(table.where("remote_write.token_file") + ": " + to_string(text.error()));
    options.token = text->substr(0, text->find_first_of("\r\n"));
  }
  options.pump.cursor_file = settings.data_dir + "/remote_write.cursor";
  options.pump.retention = settings.retention;
  series::PointSelection selection;
  selection.instances = settings.remote_write_instances;
  return std::make_unique<sink::RemoteWriteSink>(
      std::move(options),
      [&source, selection](WallTime from, WallTime until, series::PointVisitor const& point) {
        return source.points(from, until, selection, point);
      },
      clock, log.named("remote_write"));
}

}  // namespace

void Sinks::ready(WallTime tick) {
  if (carbon_files) carbon_files->poll();
  for (auto const& carbon : carbons) carbon->ready(tick);
  if (remote_write) remote_write->ready(tick);
}

void Sinks::changed(WallTime tick) {
  for (auto const& carbon : carbons) carbon->changed(tick);
  if (remote_write) remote_write->changed(tick);
}

sink::CarbonCounters Sinks::carbon_counters() const {
  sink::CarbonCounters all;
  all.connected = true;
  for (auto const& carbon : carbons) {
    auto const one = carbon->counters();
    all.points += one.points;
    all.refused += one.refused;
    all.filtered += one.filtered;
    all.connects += one.connects;
    all.failures += one.failures;
    all.skipped_seconds += one.skipped_seconds;
    all.read_failures += one.read_failures;
    all.connected = all.connected && one.connected;
    all.cursor = &carbon == &carbons.front() ? one.cursor : std::min(all.cursor, one.cursor);
  }
  return all;
}

Sinks open_sinks(Settings const& settings, config::OptionTable const& table,
                 series::StoreSeriesSource const& source, Clock const& clock, Log const& log) {
  Sinks sinks;
  open_carbons(sinks, settings, table, source, clock, log);
  sinks.remote_write = open_remote_write(settings, table, source, clock, log);
  return sinks;
}

}  // namespace dadvisor::aggregator
