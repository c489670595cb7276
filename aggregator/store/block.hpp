#pragma once
// The codec of blocks: rows of one entity as columns, the form in which rows leave the open tail,
// in memory and in spills. Layout: FORMAT.md. Pure functions; any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/column.hpp"
#include "aggregator/store/column_table.hpp"
#include "aggregator/store/selected_rows.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::store {

// Appends rows [first, last), not none, to `out`; columns without any value are left out.
void encode_block(Rows const& rows, std::size_t first, std::size_t last, std::string& out,
                  Effort effort = Effort::thorough);
void encode_block(ColumnTable const& table, std::size_t first, std::size_t last, std::string& out,
                  Effort effort = Effort::thorough);

// Errors: malformed.
Result<Rows> decode_block(std::string_view bytes);
// Appends the block's rows, in their order; after an error the table is to be cleared.
Result<void> append_block(std::string_view bytes, ColumnTable& table);

// Appends what `selection` asks of the rows with from <= tick <= until. Nothing is appended when
// the block is malformed.
Result<void> select_block(std::string_view bytes, Selection const& selection, TickNs from,
                          TickNs until, SelectedRows& out);

}  // namespace dadvisor::aggregator::store
