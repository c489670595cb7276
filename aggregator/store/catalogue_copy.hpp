#pragma once
// What a store's catalogue says, read without touching it: a running aggregator holds it
// exclusively, and SQLite would write beside a database that nobody holds. So the database and its
// WAL are copied to a directory of their own, and the copy is opened.

#include <string>

#include "aggregator/store/catalogue.hpp"

namespace dadvisor::aggregator::store {

struct CatalogueCopy {
  CatalogueChange content;
  std::vector<EntityId> dead;  // ascending
  std::uint64_t store_id = 0;
  std::uint64_t bytes = 0;  // of the database and its WAL
};

// Errors: not_found (no store there), malformed (SQLite's own check fails), unavailable (it changed
// each time it was copied: try again), io, unsupported.
Result<CatalogueCopy> read_catalogue_copy(std::string const& store_directory);

}  // namespace dadvisor::aggregator::store
