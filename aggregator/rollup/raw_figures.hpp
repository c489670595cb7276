#pragma once
// Instances' figures made again from the store's raw rows, column by column: for ticks that are no
// longer open, or whose rows did not arrive in order. For one piece of work; not thread-safe.

#include <functional>
#include <span>
#include <vector>

#include "aggregator/rollup/deliveries.hpp"
#include "aggregator/rollup/figures.hpp"
#include "aggregator/store/column_scan.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::rollup {

struct RawInstance {
  store::EntityId entity = store::absent_entity;
  EntityKey const* key = nullptr;
  Deliveries* host = nullptr;
};

class RawFigures {
 public:
  // `schema`: the metrics that are wanted, as rows of containers have them; those outside have no
  // figure. `reads`: shared with whoever reads the same ticks; it must outlive this.
  RawFigures(store::Store const& store, Schema const& schema, store::SpillReads& reads);

  // Calls visit(i, ticks, columns) for each of the instances, in their order, with its rows in
  // [from, until], if it has any; its host is told that it delivered then. For rates to be right
  // `from` lies before what is looked at as far as rates reach back. Errors: of Store::scan.
  using Visitor = std::function<void(std::size_t instance, std::span<store::TickNs const> ticks,
                                     FigureColumns const& columns)>;
  Result<void> read(std::span<RawInstance const> instances, WallTime from, WallTime until,
                    Visitor const& visit);
  std::size_t rows() const { return rows_; }  // that were read so far

 private:
  enum class Kind : std::uint8_t { integer, real, counter };
  struct Column {
    std::size_t figure;
    Kind kind;
  };
  void make_columns(RawInstance const& instance, store::SelectedRows const& rows);

  store::Store const& store_;
  std::vector<Column> columns_;  // by the place in the schema
  store::ColumnScan scan_;
  std::vector<std::vector<double>> values_;  // of the last instance, by column
  FigureColumns figures_;                    // views of these
  std::size_t rows_ = 0;
};

// All metrics that have figures.
Schema const& figure_schema();

}  // namespace dadvisor::aggregator::rollup
