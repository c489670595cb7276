#pragma once
// Points of any age into a running store, for the admin unix socket alone:
//
//   POST /store/import  series and points (ingest/imported_points.hpp)
//
// What raw rows are still kept of goes the way of all foreign points, by the log; what is older
// goes into the tiers' files (rollup/history_writer.hpp). The answer comes when all is durable and
// was read back: how many points were taken and refused, and their sum. The same request again
// changes nothing.

#include <functional>
#include <mutex>
#include <string>

#include "aggregator/api/query_pool.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/ingest/foreign_rows.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"

namespace dadvisor::aggregator::api {

// All of it must outlive the router.
struct ImportSeams {
  store::Store& store;
  Clock const& clock;
  QueryPool& pool;  // of the admin socket
  std::function<std::unique_lock<std::mutex>()> hold_tiers;
  // The one that foreign points go through; on the loop's thread, and only once the store is
  // replayed().
  std::function<ingest::ForeignRows&()> rows;
  std::function<void(std::function<void()>)> post;  // to the loop's thread
  std::function<graphite::CarbonFilesPtr()> carbon_files;
  std::string prefix;  // names below it are ours
  Log log;
};

void add_import_route(Router& router, ImportSeams seams);

}  // namespace dadvisor::aggregator::api
