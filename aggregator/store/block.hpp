#pragma once
// The codec of blocks: rows of one entity as columns, the form in which rows leave the open tail,
// in memory and in spills. Layout: FORMAT.md. Pure functions; any thread.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aggregator/store/column_table.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::store {

// At most this many rows stand in one block of a file: two hours of ten seconds.
inline constexpr std::size_t block_rows = 720;

// Appends rows [first, last), not none, to `out`; columns without any value are left out.
void encode_block(Rows const& rows, std::size_t first, std::size_t last, std::string& out);
void encode_block(ColumnTable const& table, std::size_t first, std::size_t last, std::string& out);

// Errors: malformed.
Result<Rows> decode_block(std::string_view bytes);
// Appends the block's rows, in their order; after an error the table is to be cleared.
Result<void> append_block(std::string_view bytes, ColumnTable& table);
Result<std::vector<TickNs>> decode_block_ticks(std::string_view bytes);

// The columns of a query: which metric goes to which place of the visited cells.
class Selection {
 public:
  explicit Selection(std::span<MetricId const> columns);
  std::size_t width() const { return places_.size(); }
  // (metric, place) of the metric, none or several.
  std::span<std::pair<MetricId, std::size_t> const> of(MetricId metric) const;

 private:
  std::vector<std::pair<MetricId, std::size_t>> places_;  // sorted
};

// Rows as a query sees them: width() cells a tick.
struct SelectedRows {
  std::vector<TickNs> ticks;
  std::vector<Cell> cells;
};

// Appends what `selection` asks of the rows with from <= tick <= until. Nothing is appended when
// the block is malformed.
Result<void> select_block(std::string_view bytes, Selection const& selection, TickNs from,
                          TickNs until, SelectedRows& out);
void select_rows(Rows const& rows, Selection const& selection, TickNs from, TickNs until,
                 SelectedRows& out);

}  // namespace dadvisor::aggregator::store
