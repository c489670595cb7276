#pragma once
// The shown values of one entity's leaves, row by row, out of the store. Here raw counters become
// rates, stored units become shown ones, and columns become STATs.

#include <functional>
#include <span>
#include <vector>

#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/series/leaf.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::series {

// The value of leaves[leaf] at `tick`; by tick ascending, absent values are left out.
using ValueVisitor = std::function<void(std::size_t leaf, WallTime tick, double value)>;

// Reads the rows with from <= tick <= until. `host`: the entity of the container's host (or
// absent_entity), whose ticks tell whether a first count is whole. Errors: of Store::scan.
Result<void> read_values(store::Store const& store, rollup::HostTicks& host_ticks,
                         store::EntityInfo const& entity, store::EntityId host,
                         std::span<Leaf const> leaves, WallTime from, WallTime until,
                         ValueVisitor const& visit);

}  // namespace dadvisor::aggregator::series
