#pragma once
// Values of foreign series that are older than the raw rows that are kept: their windows go into
// the tiers' files at once, beside what these hold. What is in a file then is what the tiers would
// hold if the values had come in their time.
//
// Of a window that is there already the more complete figure counts, and of two as complete ones
// that which comes: so the same values again change nothing. A window of ten minutes is made of
// minutes as long as those are kept; of older values those of one such window have to come at once.
//
// Writes whole files and reads them back. One thread, and nobody else changes tiers meanwhile.

#include <functional>
#include <map>
#include <vector>

#include "aggregator/rollup/window_row.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::rollup {

class TierReader;

// An entity's finest rows, as they would have come.
struct OldRows {
  store::EntityInfo entity;                    // with all its columns
  std::vector<MetricId> columns;               // of the cells; ascending, of the entity's
  std::map<WallTime, std::vector<Cell>> rows;  // by tick, each on the grid of the entity's step
};

// What was read back behind the writing.
struct OldRowsWritten {
  std::uint64_t values = 0;  // of the rows
  double sum = 0;            // of these values
  std::uint64_t kept = 0;    // others, of windows that were more complete already
};

class HistoryWriter {
 public:
  HistoryWriter(store::Store& store, WallTime now, std::function<bool()> stopping);

  // Values from here on belong into the log.
  WallTime end() const { return end_; }
  // Values before it are kept by no tier.
  WallTime begin() const { return begin_; }
  // Rows of [begin(), end()), entities by id ascending. Durable when it returns. Errors: io (also
  // where something else is read back than was written), unavailable (the disk is full, or tiers
  // are behind), gone (stopping() became true); some windows may be written then.
  Result<OldRowsWritten> write(std::vector<OldRows> const& all);

 private:
  using Windows = std::vector<WindowRow>;  // by begin ascending
  using Periods = std::map<WallTime, std::vector<store::TierRows>>;
  struct Entity;

  Result<void> seal_first(store::Tier tier, WallTime until);
  Result<void> prepare();
  Result<std::map<WallTime, WindowRow>> held(store::Tier tier, Entity const& entity,
                                             Windows const& fresh, TierReader& reader);
  Result<void> join(store::Tier tier, Entity const& entity, Windows& fresh, TierReader& reader,
                    OldRowsWritten& written);
  void sort_in(store::Tier tier, Entity const& entity, Windows const& windows, Periods& periods);
  Result<void> write_periods(store::Tier tier, Periods& periods);
  Result<void> make_tens(Entity& entity, TierReader& reader, Periods& periods);
  void fold(Entity const& entity, WindowVisitor const& visit) const;
  Result<void> check(store::Tier tier, Entity const& entity, Windows const& fresh,
                     TierReader& reader);

  store::Store& store_;
  WallTime const now_;
  std::function<bool()> const stopping_;
  WallTime begin_, minutes_from_, end_;
};

}  // namespace dadvisor::aggregator::rollup
