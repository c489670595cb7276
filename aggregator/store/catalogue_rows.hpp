#pragma once
// How an entity stands in a row of the catalogue. For catalogue*.cpp and dead_entities.cpp alone.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/catalogue.hpp"

namespace dadvisor::aggregator::store {

// Metric ids, a varint each.
std::string columns_blob(std::vector<MetricId> const& columns);
std::vector<MetricId> blob_columns(std::string_view blob);

// CRC of a row's values: SQLite has none of its own.
std::int64_t row_crc(CatalogueEntity const& entity);

}  // namespace dadvisor::aggregator::store
