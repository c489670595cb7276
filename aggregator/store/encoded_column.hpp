#pragma once
// A column of some rows of one entity as files and packed blocks hold it: its coding and a payload,
// in front of which, where not all of the rows have a value, a bitmap tells which do. Layout:
// FORMAT.md. Not thread-safe: encoders and scratch memory are the caller's.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "aggregator/store/column_table.hpp"
#include "aggregator/store/selected_rows.hpp"

namespace dadvisor::aggregator::store {

struct EncodedColumn {
  std::uint8_t coding = 0;
  std::string_view payload;
};

// Calls visit(id, values, bitmap) for each column that has a value in rows [first, last), by id
// ascending: the values of the rows that have one, and which these are; empty: all of them.
using ColumnVisitor =
    std::function<void(MetricId, std::span<std::int64_t const>, std::string_view)>;
void visit_columns(Rows const& rows, std::size_t first, std::size_t last,
                   ColumnVisitor const& visit);
void visit_columns(ColumnTable const& table, std::size_t first, std::size_t last,
                   ColumnVisitor const& visit);

// Appends the payload of what a ColumnVisitor was given; returns the coding.
std::uint8_t encode_column(ColumnEncoder& encoder, std::span<std::int64_t const> values,
                           std::string_view bitmap, std::string& payload);

// Puts rows [first, last) of the `rows` that there are behind `before` rows of a selected column,
// which has room for them. False: malformed, and what stands there is undefined.
bool select_column(EncodedColumn const& encoded, std::size_t rows, std::size_t first,
                   std::size_t last, std::size_t before, BlockScratch& scratch,
                   SelectedColumn& column);
// Appends all rows of it behind `before` rows of a table's column. False: malformed.
bool append_column(EncodedColumn const& encoded, std::size_t rows, std::size_t before,
                   TableColumn& column);

}  // namespace dadvisor::aggregator::store
