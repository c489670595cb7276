#pragma once
// The rows of one entity that are not, or not yet surely, in a spill.
//
// The newest rows are open, where the next one comes to stand cheaply; behind them are packed
// blocks of some dozens of rows, about half the size. A packed block never changes:
// a row that belongs into one makes another block of it. So whoever holds a block's pointer may
// read it without a lock, and a spill knows by the pointer that what it wrote is still all there
// is. Not thread-safe; guarded by its owner's mutex.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "aggregator/store/block.hpp"
#include "aggregator/store/open_rows.hpp"
#include "aggregator/store/rows.hpp"
#include "common/core/prefetch.hpp"

namespace dadvisor::aggregator::store {

struct PackedRows {
  TickNs first = 0, last = 0;
  std::size_t rows = 0;
  std::string bytes;  // of encode_block
};
using PackedBlock = std::shared_ptr<PackedRows const>;

// A schema with its metrics in ascending order, as rows are kept.
struct SchemaShape {
  explicit SchemaShape(Schema const& schema);
  std::vector<MetricId> columns;     // ascending, unique
  std::vector<std::uint16_t> order;  // columns[i] is the schema's metric order[i]
  bool in_order = false;             // the columns are the schema's metrics as they stand there
};

class Tail {
 public:
  // False: there is a row of that tick, and it was kept. cells: as many as the schema's metrics.
  // `scratch`: what stands in it does not matter, its memory is used again.
  bool add(TickNs tick, std::shared_ptr<SchemaShape const> const& shape, Cells const& cells,
           OfOneTick of_one_tick, ColumnTable& scratch);
  void expect_row() const { open_.expect_row(); }  // a hint that an add() is near
  // Columns that got a value and are not in `known` (ascending), looked up in the row of the last
  // add(); empty nearly always.
  std::vector<MetricId> new_columns(std::vector<MetricId> const& known);
  // What new_columns() told before is to be told again.
  void look_again() { known_.clear(); }

  // Packs what is not after `until` and returns the blocks that hold it, by tick ascending.
  std::vector<PackedBlock> freeze(TickNs until, ColumnTable& scratch);
  // Forgets those of the blocks that are still here.
  void release(std::span<PackedBlock const> blocks);

  // Appends the packed blocks that overlap [from, until], and to `open` the open rows of it.
  void snapshot(Selection const& selection, TickNs from, TickNs until,
                std::vector<PackedBlock>& packed, SelectedRows& open) const;
  // Hints that the next of these, and snapshot(), is near.
  void expect() const { prefetch<Access::read>(this, sizeof *this); }
  void expect_selection(Selection const& selection) const { open_.expect_selection(selection); }
  void expect_steps(Selection const& selection) const { open_.expect_steps(selection); }

  std::size_t rows() const { return packed_rows_ + open_.size(); }
  bool empty() const { return rows() == 0; }
  bool has_until(TickNs until) const;

 private:
  bool add_open(TickNs tick, std::shared_ptr<SchemaShape const> const& shape, Cells const& cells,
                OfOneTick of_one_tick, ColumnTable& scratch);
  bool add_between(TickNs tick, SchemaShape const& shape, Cells const& cells,
                   OfOneTick of_one_tick);
  bool add_packed(TickNs tick, SchemaShape const& shape, Cells const& cells, OfOneTick of_one_tick);
  void append_open(TickNs tick, SchemaShape const& shape, Cells const& cells);
  void pack_open(std::size_t rows, ColumnTable& scratch);
  void replace_packed(std::size_t at, Rows const& rows);

  std::vector<PackedBlock> packed_;  // by tick, not overlapping, all before the open rows
  std::size_t packed_rows_ = 0;
  OpenRows open_;
  std::vector<std::uint64_t> known_;     // bitmap over the open columns: those that are known
  bool added_newest_ = false;            // the last add() made the newest row; if not ...
  std::vector<MetricId> added_columns_;  // ... the columns of the one it made
};

}  // namespace dadvisor::aggregator::store
