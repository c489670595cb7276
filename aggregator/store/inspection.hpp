#pragma once
// What is in a store's directory, and whether it is as it was written: for `dadvisor store info`
// and `store verify`. Reads only, offline or beside a running aggregator: files that go meanwhile,
// by retention or merges, are left out. One thread.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/disk.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::store {

enum class StoreFileKind : std::uint8_t {
  log,
  spill,
  segment,
  minute_instances,
  minute,
  ten_minutes
};
inline constexpr std::array<std::string_view, 6> store_file_kind_names{
    "log", "spills", "segments", "tier 1m-instances", "tier 1m", "tier 10m"};

struct StoreFiles {  // of one kind
  std::uint64_t files = 0, bytes = 0;
  std::uint64_t rows = 0;       // rows that stand in two files count twice
  std::uint64_t values = 0;     // only when they are decoded; of the log always
  std::uint64_t entities = 0;   // that have rows
  TickNs first = 0, last = -1;  // ticks; first > last: there are no rows
};

// One place that is not as it was written.
struct StoreDamage {
  std::string file;             // below the store's directory
  std::string entity;           // its number and name; empty: not known, or several
  TickNs first = 0, last = -1;  // first > last: not known
  std::string what, remedy;
};

struct StoreInspection {
  std::array<StoreFiles, store_file_kind_names.size()> kinds{};
  std::uint64_t catalogue_bytes = 0, entities = 0, damages = 0;
  std::uint64_t expired = 0;    // blocks of entities that the catalogue has forgotten: no damage
  std::uint64_t torn_ends = 0;  // of log files: writes that nobody was told of; no damage
};

struct InspectionOptions {
  bool decode = false;  // groups are read and decoded whole, so that all CRCs are checked
  std::function<void(StoreDamage const&)> damage;
  // Called before each file: the how-manieth of how many.
  std::function<void(std::string const& file, std::size_t number, std::size_t of)> progress;
};

// Errors: not_found (no store), malformed (the catalogue is damaged), io.
Result<StoreInspection> inspect_store(Disk& disk, std::string const& directory,
                                      InspectionOptions const& options);

}  // namespace dadvisor::aggregator::store
