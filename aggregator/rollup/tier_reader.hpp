#pragma once
// An entity's windows in a tier: out of its files as far as it is sealed, and behind that made of
// the finer tier's rows when they are asked for. So a window is the same on both sides of the seam,
// and there is none twice and none missing. Lives for one piece of work, on one thread.

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "aggregator/rollup/counter_rates.hpp"
#include "aggregator/rollup/entity_directory.hpp"
#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/rollup/window_folder.hpp"
#include "aggregator/rollup/window_row.hpp"
#include "aggregator/store/column_scan.hpp"
#include "aggregator/store/spill_reads.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::rollup {

class TierReader {
 public:
  // Which entities are the instances of an app or a cluster: for order statistics, which are made
  // of their means. Without it those are read from files alone.
  // Visits each once; those whose rows lie outside [from, until] may be left out.
  using Instances = std::function<Result<void>(EntityKey const& rolled_up, WallTime from,
                                               WallTime until, InstanceVisitor const& visit)>;
  // The entity of a container's host; absent_entity when there is none.
  using HostOf = std::function<store::EntityId(EntityKey const& container)>;

  TierReader(store::Store const& store, HostTicks& host_ticks, HostOf host_of,
             Instances instances = {})
      : store_(store),
        host_ticks_(host_ticks),
        host_of_(std::move(host_of)),
        instances_(std::move(instances)) {}

  Nanoseconds window_of(store::Tier tier) const { return store_.plan(tier).window; }

  // Visits windows that begin in [from, until], by begin ascending. Errors: of Store::scan.
  Result<void> read(store::Tier tier, store::EntityInfo const& entity, WindowLayout const& layout,
                    WallTime from, WallTime until, WindowVisitor const& visit);
  // The same, all of them made anew of the finer rows.
  Result<void> make(store::Tier tier, store::EntityInfo const& entity, WindowLayout const& layout,
                    WallTime from, WallTime until, WindowVisitor const& visit);

 private:
  using Make = decltype(&TierReader::make);
  // Out of files as far as the tier is sealed, and by `maker` behind that.
  Result<void> read_over_seam(Make maker, store::Tier tier, store::EntityInfo const& entity,
                              WindowLayout const& layout, WallTime from, WallTime until,
                              WindowVisitor const& visit);
  Result<void> read_sealed(store::Tier tier, store::EntityInfo const& entity,
                           WindowLayout const& layout, WallTime sealed, WallTime from,
                           WallTime until, WindowVisitor const& visit);
  // Without order statistics.
  Result<void> make_plain(store::Tier tier, store::EntityInfo const& entity,
                          WindowLayout const& layout, WallTime from, WallTime until,
                          WindowVisitor const& visit);
  // What the counters said last before `end`, over a hole of any length: the first row behind it
  // says what they rose by since.
  void take_before(store::EntityInfo const& entity, WindowLayout const& layout, WallTime end,
                   WindowFolder& folder);
  Result<void> fill_order(store::Tier tier, store::EntityInfo const& entity,
                          WindowLayout const& layout, std::vector<WindowRow>& rows);
  // As many of the metrics as there is memory for at once; returns how many.
  Result<std::size_t> fill_some_order(std::span<Metric const* const> metrics, store::Tier tier,
                                      store::EntityInfo const& entity, WindowLayout const& layout,
                                      std::vector<WindowRow>& rows);

  store::Store const& store_;
  HostTicks& host_ticks_;
  HostOf const host_of_;
  Instances const instances_;
  // What entity after entity is read out of, mostly by number ascending: little need be kept.
  static constexpr std::size_t kept_bytes = 4 << 20;
  store::SpillReads raw_{kept_bytes};
  std::optional<store::ColumnScan> scan_;  // of raw_; entities of one kind have the same columns
  std::array<store::SpillReads, store::all_tiers.size()> sealed_{
      store::SpillReads(kept_bytes), store::SpillReads(kept_bytes), store::SpillReads(kept_bytes)};
};

}  // namespace dadvisor::aggregator::rollup
