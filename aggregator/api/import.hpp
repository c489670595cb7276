#pragma once
// Points of any age into a running store. What raw rows are still kept of goes the way of all
// foreign points, by the log; what is older goes into the tiers' files (rollup/history_writer.hpp).
// The same points again change nothing.

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "aggregator/api/query_pool.hpp"
#include "aggregator/ingest/foreign_rows.hpp"
#include "aggregator/ingest/imported_points.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"

namespace dadvisor::aggregator::api {

// All of it must outlive whoever has it.
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

struct Imported {
  std::size_t series = 0;
  std::uint64_t points = 0;  // that were taken
  double sum = 0;            // of these
  std::uint64_t values = 0;  // slots that they fill, as they were read back
  std::uint64_t kept = 0;    // slots of windows that were more complete already
  std::string first_path;
  std::map<std::string, std::uint64_t> refused;  // points by why
};

// Durable and read back when it returns. On the pool's thread. Errors: unavailable (given up, the
// log is still being read back or takes no more, the disk is full), io (something else was read
// back than was written).
Result<Imported> import_points(ImportSeams const& seams, std::vector<ingest::ImportedSeries> series,
                               Abandoned const& abandoned);

}  // namespace dadvisor::aggregator::api
