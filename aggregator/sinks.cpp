#include "aggregator/sinks.hpp"

#include <utility>

#include "aggregator/start_failure.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::aggregator {
namespace {

// Null where the operator has no carbon.
std::unique_ptr<sink::CarbonSink> open_carbon_sink(Settings const& settings,
                                                   config::OptionTable const& table,
                                                   series::StoreSeriesSource const& source,
                                                   Clock const& clock, Log const& log) {
  if (settings.carbon.empty()) return nullptr;
  auto const peer = config::parse_host_port(settings.carbon, 2003);
  if (!peer) fail(table.where("carbon") + ": " + to_string(peer.error()));
  sink::CarbonOptions options;
  options.host = peer->host;
  options.port = peer->port;
  options.pump.cursor_file = settings.data_dir + "/carbon.cursor";
  options.pump.retention = settings.retention;
  series::PointSelection selection;
  selection.instances = settings.carbon_instances;
  return std::make_unique<sink::CarbonSink>(
      options,
      [&source, selection](WallTime from, WallTime until, sink::PointVisitor const& point) {
        return source.points(from, until, selection,
                             [&point](series::PointPlace const& place, double value,
                                      WallTime tick) { point(place.path, value, tick); });
      },
      clock, log.named("carbon"));
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
  if (carbon) carbon->ready(tick);
  if (remote_write) remote_write->ready(tick);
}

void Sinks::changed(WallTime tick) {
  if (carbon) carbon->changed(tick);
  if (remote_write) remote_write->changed(tick);
}

Sinks open_sinks(Settings const& settings, config::OptionTable const& table,
                 series::StoreSeriesSource const& source, Clock const& clock, Log const& log) {
  return {open_carbon_sink(settings, table, source, clock, log),
          open_remote_write(settings, table, source, clock, log)};
}

}  // namespace dadvisor::aggregator
