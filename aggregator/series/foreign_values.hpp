#pragma once
// The values of foreign series, as whisper would give them: the finest archive of
// storage-schemas.conf that reaches back to the query's begin, made of the points by
// storage-aggregation.conf when it is asked for. Where the raw points are gone by then, of the
// tiers' windows, of which every method but absmin can be told exactly.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "aggregator/rollup/tier_reader.hpp"
#include "aggregator/series/path_index.hpp"
#include "aggregator/store/spill_reads.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

// How one foreign path is answered.
struct ForeignGrid {
  std::int64_t start = 0, end = 0, step = 0;  // seconds; of the series
  std::optional<store::Tier> tier;            // where from; nothing: raw rows
  std::vector<std::int64_t> steps;            // of the archives up to this one, finest first
  graphite::StorageAggregation aggregation;
};

// Nothing: it has no archive that the window touches (whisper gives no series then).
std::optional<ForeignGrid> foreign_grid(store::Store const& store,
                                        graphite::CarbonFiles const& files, std::string_view path,
                                        std::int64_t entity_step, graphite::Window const& window);

// What is to be read of one entity.
struct ForeignRead {
  std::uint32_t column = 0;
  ForeignGrid const* grid = nullptr;
  std::vector<double>* values = nullptr;  // filled: one a step of the grid
};
// `raw` and `reader`: of one piece of work. Errors: of Store::scan.
Result<void> read_foreign(store::Store const& store, store::SpillReads& raw,
                          rollup::TierReader& reader, store::EntityInfo const& entity,
                          std::span<ForeignRead const> reads);

}  // namespace dadvisor::aggregator::series
