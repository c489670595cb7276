#pragma once
// The shown values of one entity's leaves out of a coarser tier, window by window: whatever way of
// putting values together is asked for, it is answered from what the finest rows held.

#include <optional>

#include "aggregator/rollup/tier_reader.hpp"
#include "aggregator/series/leaf_values.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

// Reads the windows that begin in [from, until]; a value's tick is its window's begin.
// `consolidation`: what a query will put neighbouring values together by; without it what each leaf
// does by itself. Of `first` a tier keeps nothing: a window answers its mean and the query takes
// the first window's, as Graphite does over its coarser archives. The mean also stands for what the
// average of an app's avg would be, and for a percentage's avg_zero; a raw counter answers its last
// reading. Errors: of Store::scan.
Result<void> read_window_values(rollup::TierReader& reader, store::Tier tier,
                                store::EntityInfo const& entity, std::span<Leaf const> leaves,
                                std::optional<graphite::Consolidation> consolidation, WallTime from,
                                WallTime until, ValueVisitor const& visit);

}  // namespace dadvisor::aggregator::series
