#pragma once
// When figures of what somebody looks at are missing because an agent lost them, and not because
// there were none: loss events of the hosts that it is on. Pure; any thread.

#include <span>
#include <vector>

#include "aggregator/series/path_index.hpp"
#include "graphite-bridge/event.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

// Those of `losses` (tags host:, reason:, data "first T, last T") whose host is that of one of
// `shown`, or has a container of an app or a cluster among them by `entities`; by time, those that
// lie within a minute of each other as one; what was thinned by itself.
std::vector<graphite::Lost> lost_figures(std::span<graphite::Event const> losses,
                                         std::span<MembersPtr const> shown,
                                         store::EntityList const& entities);

}  // namespace dadvisor::aggregator::series
