#pragma once
// Rows of one entity as a query sees them: of each column that it asks for one run of values. Keeps
// its memory, and that of the decoding, from one entity to the next. Not thread-safe.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/store/column.hpp"
#include "aggregator/store/row_ticks.hpp"
#include "aggregator/store/rows.hpp"
#include "aggregator/store/selected_ticks.hpp"
#include "aggregator/store/unfilled_vector.hpp"

namespace dadvisor::aggregator::store {

// The columns of a query: which metric goes to which place.
class Selection {
 public:
  explicit Selection(std::span<MetricId const> columns);
  std::size_t width() const { return places_.size(); }
  // (metric, place), by metric ascending; a metric may have several places.
  std::span<std::pair<MetricId, std::size_t> const> places() const { return places_; }

 private:
  std::vector<std::pair<MetricId, std::size_t>> places_;  // sorted
};

struct SelectedColumn {
  UnfilledVector<std::int64_t> values;  // one a row, 0 where there is none
  std::vector<std::uint8_t> has;        // 1 for each row that has one; empty: all rows do

  Cell cell(std::size_t row) const {
    return has.empty() || has[row] != 0 ? Cell(values[row]) : Cell();
  }
};

// What decoding needs beside its result.
struct BlockScratch {
  std::vector<TickNs> ticks;
  std::vector<std::int64_t> values;
};

struct SelectedRows {
  SelectedTicks ticks;
  std::vector<SelectedColumn> columns;  // by place; as many as the selection is wide, or none yet
  BlockScratch scratch;
  bool settled = true;  // ticks ascend

  void clear();
  // Gives each column room for rows of these ticks, which ascend, and whose values are undefined
  // until each of them was set or lacks.
  void begin_rows(std::size_t width, std::span<TickNs const> more);
  // The same for rows [first, last), not none, of these ticks.
  void begin_rows(std::size_t width, RowTicks const& more, std::size_t first, std::size_t last);
  // A cell of a row that has none yet.
  void set(std::size_t place, std::size_t row, Cell const& cell);
  // None of the column's rows from `row` on has a value.
  void lack(std::size_t place, std::size_t row);
  // Appends the rows of another one of the same columns, which are undefined then.
  void take(SelectedRows& more);
  // Takes rows from `row` on back.
  void cut(std::size_t row);
  // Brings rows that were appended oldest source first to ticks ascending, each tick once.
  void settle(OfOneTick of_one_tick);
  // Takes out the rows of the ticks for which gone(tick) is true.
  void erase_ticks(std::function<bool(TickNs)> const& gone);

 private:
  void widen(std::size_t width);  // to the ticks
};

}  // namespace dadvisor::aggregator::store
