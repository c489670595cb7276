#pragma once
// The socket for what changes the store (deletion, renaming, backup, imports), and what stands
// behind it. Owned by the loop's thread; the changes run one after the other on a thread of their
// own.

#include <functional>
#include <memory>

#include "aggregator/api/admin_routes.hpp"
#include "aggregator/api/import_routes.hpp"
#include "aggregator/api/query_pool.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/pipeline.hpp"
#include "aggregator/point_receivers.hpp"
#include "aggregator/series/store_series_source.hpp"
#include "aggregator/settings.hpp"
#include "common/http/server.hpp"

namespace dadvisor::aggregator {

class AdminSocket {
 public:
  // All of them must outlive it; points: null where nobody listens for Graphite's.
  struct Behind {
    http::Loop& loop;
    store::Store& store;
    series::StoreSeriesSource const& source;
    Clock const& clock;
    Pipeline& pipeline;
    PointReceivers* points;
    graphite::CarbonDirectory& carbon_directory;
    Log log;
  };
  // Listens at settings.admin_socket. Where that place was not chosen by anybody and cannot be had
  // (no right to make it, another aggregator's), nobody does, with a warning; where it was chosen,
  // the program ends.
  AdminSocket(Settings const& settings, config::OptionTable const& table, Behind behind);
  // Nobody listens any more, and what was imported is with the store. Changes that have begun go on
  // until the destructor.
  void close();

 private:
  ingest::ForeignRows& rows();
  void listen(Settings const& settings, config::OptionTable const& table);

  Behind const behind_;
  std::unique_ptr<ingest::ForeignRows> imported_;  // where no receiver has any
  api::QueryPool changes_{1, 100};
  api::Router router_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace dadvisor::aggregator
