#pragma once
// Which columns the windows of an entity are made of, how each of them is kept, and where its parts
// stand in a tier's file. How a column is kept follows from what it is:
//
//   gauge       its values in the stored unit
//   counter     what it rose by per step of the rows (its rate), the last reading, and the whole
//               increase where holes make that differ from the sum
//   quotient    a percentage of a container or an app: least, greatest and last of it; the mean is
//               the quotient of the two sums beside it. Of a container it is only kept where it
//               does not follow from the two metrics (where the denominator changed or was missing)
//   rollup      a column of an app's row: sum, count, all
//   least, greatest    the STATs min and max of an app: the least of the least; nothing else
//   parts       the sums that quotients are made of
//   order       p50 ... p99: over the instances' means of the window, made from outside
//
// Values, any thread.

#include <array>
#include <span>
#include <vector>

#include "common/core/metric/column.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::rollup {

constexpr bool is_rolled_up(EntityKind kind) {
  return kind == EntityKind::app || kind == EntityKind::total;
}

enum class Keeping : std::uint8_t {
  gauge,
  counter,
  quotient,
  rollup,
  least,
  greatest,
  parts,
  order,
};

struct WindowColumn {
  MetricId column = 0;  // a raw or a rollup column
  Metric const* metric = nullptr;
  Keeping keeping = Keeping::gauge;
};

// Which columns windows are made of: those given, and the quotients that they make up.
class WindowLayout {
 public:
  // `columns` of raw rows (containers, hosts), of rollup rows (apps, totals) or of foreign ones, all
  // of them gauges; ascending.
  WindowLayout(EntityKind kind, std::span<MetricId const> columns);

  EntityKind kind() const { return kind_; }
  std::span<WindowColumn const> columns() const { return columns_; }  // by column ascending
  std::size_t place(MetricId column) const;                           // columns().size(): none
  // What is read of the finer rows, ascending: a subset of the columns given, and behind them the
  // rows' own step where they are rollup rows.
  std::vector<MetricId> const& finest() const { return finest_; }
  // What is read and written in a tier's file, ascending.
  std::vector<MetricId> const& stored() const { return stored_; }
  // Where a part of column `at` stands in stored(); it must be kept there.
  std::size_t stored_place(std::size_t at, WindowPart part) const {
    return stored_places_[at][static_cast<std::size_t>(part)];
  }
  std::size_t ticks_place() const { return ticks_place_; }
  std::size_t step_place() const { return step_place_; }

 private:
  void add(MetricId column, Keeping keeping);

  EntityKind kind_;
  std::vector<WindowColumn> columns_;
  std::vector<MetricId> finest_, stored_;
  std::vector<std::array<std::uint16_t, 8>> stored_places_;  // per column, by WindowPart
  std::size_t ticks_place_ = 0, step_place_ = 0;
};

}  // namespace dadvisor::aggregator::rollup
