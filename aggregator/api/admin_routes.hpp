#pragma once
// What changes the store, for the admin unix socket alone (decision 12): whoever may open it may do
// all of this. Each change leaves a line in the log and in the catalogue: who (the peer's uid by
// SO_PEERCRED), when and what.
//
//   POST /store/delete  pattern or tag, from, until, dry_run=1: rows (deletion.hpp)
//   GET  /store/audit   what was deleted, oldest first
//   POST /store/backup  directory: a consistent copy of the store
//   POST /store/compact what was deleted leaves the files, small ones become large ones

#include <functional>
#include <mutex>

#include "aggregator/api/query_pool.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/series/store_series_source.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::api {

// All of it must outlive the router. Jobs run on `pool`: one thread, for they may take minutes.
struct AdminSeams {
  store::Store& store;
  series::StoreSeriesSource const& source;
  Clock const& clock;
  QueryPool& pool;
  Log log;
  // While it is held nobody else changes tiers.
  std::function<std::unique_lock<std::mutex>()> hold_tiers;
};

void add_admin_routes(Router& router, AdminSeams seams);

}  // namespace dadvisor::aggregator::api
