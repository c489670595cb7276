#pragma once
// The shown values of entities' leaves out of their raw rows. Here raw counters become rates,
// stored units become shown ones, and columns become STATs. Keeps its memory from entity to entity;
// for one piece of work, on one thread.

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/series/leaf.hpp"
#include "aggregator/series/leaf_entity.hpp"
#include "aggregator/store/column_scan.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::series {

// The value of leaves[leaf] at `tick`; by tick ascending, absent values are left out.
using ValueVisitor = std::function<void(std::size_t leaf, WallTime tick, double value)>;

class LeafValues {
 public:
  // The entity of a container's host, whose ticks tell whether a first count is whole;
  // absent_entity when there is none.
  using HostOf = std::function<store::EntityId(EntityKey const& container)>;

  // Of leaves that entities of `kind` have.
  LeafValues(EntityKind kind, std::span<Leaf const> leaves);
  bool reads(EntityKind kind, std::span<Leaf const> leaves) const;

  // Reads rows with from <= tick <= until of entity after entity, all of the same step: calls
  // visit(i) when those of entities[i] stand here. Errors: of Store::scan.
  using EntityVisitor = std::function<void(std::size_t)>;
  Result<void> read(store::Store const& store, rollup::HostTicks& host_ticks, HostOf const& host_of,
                    std::span<LeafEntity const> entities, WallTime from, WallTime until,
                    EntityVisitor const& visit);
  // The same of one.
  Result<void> read(store::Store const& store, rollup::HostTicks& host_ticks, HostOf const& host_of,
                    LeafEntity const& entity, WallTime from, WallTime until) {
    return read(store, host_ticks, host_of, {&entity, 1}, from, until, [](std::size_t) {});
  }
  // Of the entity that was read last: its ticks, ascending, and a value of the leaf for each;
  // graphite::absent where there is none.
  std::span<store::TickNs const> ticks() const { return scan_.rows().ticks.list().subspan(first_); }
  // Whether it has so many of them, `step` apart, of which the first is in [from, from + step).
  bool has_ticks(std::size_t count, store::TickNs from, store::TickNs step) const;
  std::span<double const> of(std::size_t leaf) const {
    return std::span(values_[leaf]).subspan(first_);
  }
  void visit(ValueVisitor const& visit) const;

 private:
  struct Places {
    std::size_t first = 0, second = 0;  // of a leaf's columns
  };

  bool rolled_up() const { return kind_ == EntityKind::app || kind_ == EntityKind::total; }
  bool is_counter(std::size_t place) const;
  // Of the rows that were scanned from `start` on, for values from `from` on.
  void make(rollup::HostTicks& host_ticks, HostOf const& host_of, LeafEntity const& entity,
            WallTime start, WallTime from);
  void make(std::size_t leaf);
  std::optional<double> value(Leaf const& leaf, Places const& places, std::size_t row) const;
  std::optional<double> rate(std::size_t place, std::size_t row) const;
  std::optional<double> operand(std::size_t place, std::size_t row) const;
  std::optional<double> part(Metric const& metric, RollupPart which, std::size_t place,
                             std::size_t row) const;

  EntityKind const kind_;
  std::vector<Leaf> const leaves_;
  store::ColumnScan scan_;
  std::vector<Places> places_;  // per leaf
  std::size_t step_place_ = 0;  // of a rolled up row's step
  bool any_rate_ = false;
  std::vector<std::size_t> counters_;        // places of columns that a leaf may want as rates
  std::vector<std::vector<double>> rates_;   // by place: of counters that a leaf wants as rates
  std::vector<std::vector<double>> values_;  // per leaf
  std::vector<store::EntityId> ids_;         // of the entities
  std::size_t first_ = 0;                    // the first row that is not read for rates alone
  Nanoseconds step_{};                       // of the entity
};

}  // namespace dadvisor::aggregator::series
