#pragma once
// What memory holds of one entity's rows, as a query takes it away to read it without a lock. A
// value, which keeps its memory from one entity to the next. Not thread-safe.

#include <optional>
#include <vector>

#include "aggregator/store/rows.hpp"
#include "aggregator/store/selected_rows.hpp"
#include "aggregator/store/tail.hpp"

namespace dadvisor::aggregator::store {

struct HeadRows {
  static constexpr std::size_t most = 64;  // of so many entities at once: about 50 us

  std::optional<OfOneTick> of_one_tick;  // nothing: no such entity
  std::vector<PackedBlock> packed;
  SelectedRows open;  // behind them
};

}  // namespace dadvisor::aggregator::store
