#pragma once
// The receivers of Graphite's points as the operator configured them, and what is behind them.
// Owned by the loop's thread.

#include <memory>
#include <string>
#include <vector>

#include "aggregator/ingest/point_ingest.hpp"
#include "aggregator/settings.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/log.hpp"
#include "common/http/stream_server.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"

namespace dadvisor::aggregator {

// "HOST:PORT"; a port alone is one of loopback.
Result<config::HostPort> receiver_address(std::string const& text);

// What foreign points go through to the store; of one store there is one. The store's log must have
// been replayed: rows go on where it ends, slot by slot, and what it names must be known first.
std::unique_ptr<ingest::ForeignRows> open_foreign_rows(http::Loop& loop, store::Store& store,
                                                       Log const& log);

class PointReceivers {
 public:
  // Listens where settings.graphite_* say; null when that is nowhere. Everything given must outlive
  // it. Errors: the key, and why nobody can listen there.
  static Result<std::unique_ptr<PointReceivers>> open(http::Loop& loop, Settings const& settings,
                                                      store::Store& store, Clock const& clock,
                                                      graphite::CarbonDirectory& directory,
                                                      Log const& log);
  // To be called several times a second.
  void tick();
  // Nobody listens any more, and what came is with the store.
  void stop();

  ingest::ForeignRows& rows() { return *rows_; }
  ingest::PointCounters counters() const { return points_.counters(); }
  ingest::ForeignRowsCounters row_counters() const { return points_.row_counters(); }
  http::StreamCounts connections() const;  // of all
  std::size_t routes() const { return points_.routes(); }

 private:
  PointReceivers(http::Loop& loop, Settings const& settings, store::Store& store,
                 Clock const& clock, graphite::CarbonDirectory& directory, Log const& log);

  Clock const& clock_;
  graphite::CarbonDirectory& directory_;
  std::unique_ptr<ingest::ForeignRows> rows_;
  ingest::PointIngest points_;
  std::vector<std::unique_ptr<http::StreamServer>> streams_;
  std::unique_ptr<http::DatagramServer> datagrams_;
  MonotonicTime flushed_{}, looked_{};
};

}  // namespace dadvisor::aggregator
