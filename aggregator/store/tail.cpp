#include "aggregator/store/tail.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace dadvisor::aggregator::store {
namespace {

// When so many rows are open, so many are packed: a few stay for late rows. Of a block of 12 rows
// of integers two fifths are what its columns say of themselves, of one of 32 a fifth. What is put
// and what comes from elsewhere are doubles, which take five bytes a cell until they are packed: of
// them fewer stay.
struct Packing {
  std::size_t open, at_once;
};
constexpr Packing integers{36, 32}, doubles{28, 24};
Packing const& packing_of(OfOneTick of_one_tick) {
  return of_one_tick == OfOneTick::first ? integers : doubles;
}
constexpr std::size_t most_packed = 64;  // a block that a late row made longer is split

// Sets the cells of row `row`, whose table has (at least) the shape's columns; of OfOneTick::cells
// those that are given alone.
void fill(Rows& rows, std::size_t row, SchemaShape const& shape, Cells const& cells,
          OfOneTick of_one_tick) {
  if (of_one_tick != OfOneTick::cells && rows.columns().size() == shape.columns.size()) {
    rows.set_all(row, [&](std::size_t column) { return cells[shape.order[column]]; });
    return;
  }
  std::size_t column = 0;
  for (std::size_t i = 0; i < shape.columns.size(); ++i, ++column) {
    Cell const cell = cells[shape.order[i]];
    while (rows.columns()[column] < shape.columns[i]) ++column;
    if (cell) rows.set(row, column, *cell);
  }
}

// The columns that have a value in a row.
std::vector<MetricId> columns_of(Rows const& rows, std::size_t row) {
  std::vector<MetricId> columns;
  for (std::size_t column = 0; column < rows.columns().size(); ++column)
    if (rows.has(row, column)) columns.push_back(rows.columns()[column]);
  return columns;
}

OpenRows::Columns columns_of(std::shared_ptr<SchemaShape const> const& shape) {
  return OpenRows::Columns(shape, &shape->columns);
}

template <typename Table>
PackedBlock pack(Table const& rows, std::vector<TickNs> const& ticks, std::size_t first,
                 std::size_t last) {
  auto block = std::make_shared<PackedRows>();
  block->first = ticks[first];
  block->last = ticks[last - 1];
  block->rows = last - first;
  // The next spill makes a greater block of it.
  encode_block(rows, first, last, block->bytes, Effort::quick);
  block->bytes.shrink_to_fit();
  return block;
}
PackedBlock pack(Rows const& rows, std::size_t first, std::size_t last) {
  return pack(rows, rows.ticks(), first, last);
}

// Our own block in memory: that it does not decode is a broken invariant.
Rows unpack(PackedRows const& block) {
  auto rows = decode_block(block.bytes);
  assert(rows);
  return std::move(rows).value();
}

}  // namespace

SchemaShape::SchemaShape(Schema const& schema) {
  for (std::size_t i = 0; i < schema.metrics.size(); ++i)
    order.push_back(static_cast<std::uint16_t>(i));
  auto const& metrics = schema.metrics;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return metrics[a] < metrics[b]; });
  order.erase(std::unique(order.begin(), order.end(),
                          [&](std::size_t a, std::size_t b) { return metrics[a] == metrics[b]; }),
              order.end());
  for (std::size_t const i : order) columns.push_back(metrics[i]);
  in_order = columns == metrics;
}

bool Tail::add(TickNs tick, std::shared_ptr<SchemaShape const> const& shape, Cells const& cells,
               OfOneTick of_one_tick, ColumnTable& scratch) {
  added_newest_ = false;
  added_columns_.clear();
  if (packed_.empty() || tick > packed_.back()->last)
    return add_open(tick, shape, cells, of_one_tick, scratch);
  return add_packed(tick, *shape, cells, of_one_tick);
}

bool Tail::add_open(TickNs tick, std::shared_ptr<SchemaShape const> const& shape,
                    Cells const& cells, OfOneTick of_one_tick, ColumnTable& scratch) {
  if (Packing const& packing = packing_of(of_one_tick); open_.size() >= packing.open) {
    pack_open(packing.at_once, scratch);
    if (tick <= packed_.back()->last) return add_packed(tick, *shape, cells, of_one_tick);
  }
  bool const same_columns = open_.columns().get() == &shape->columns;
  if (open_.empty() && !same_columns) {
    open_ = OpenRows(columns_of(shape));
    known_.clear();
  }
  bool const behind = open_.empty() || tick > open_.ticks().back();
  bool const in_place = !behind && tick == open_.ticks().back();
  bool const fits = same_columns || std::ranges::includes(*open_.columns(), shape->columns);
  if (in_place && of_one_tick == OfOneTick::first) return false;
  if (!fits || !(behind || (in_place && of_one_tick == OfOneTick::newest)))
    return add_between(tick, *shape, cells, of_one_tick);
  if (in_place) open_.drop_newest();
  append_open(tick, *shape, cells);
  added_newest_ = true;
  return true;
}

// The newest row, of columns that the open ones have.
void Tail::append_open(TickNs tick, SchemaShape const& shape, Cells const& cells) {
  auto const& columns = *open_.columns();
  constexpr std::size_t few = 64;
  if (columns.size() == shape.columns.size() && columns.size() <= few && cells.parts() == 1) {
    // Nearly all: as they stand, or without a look at each cell whether it is there.
    std::array<std::int64_t, few> row;
    auto present = cells.present(0);
    auto const values = cells.values(0);
    if (shape.in_order) return open_.append(tick, values, std::span(&present, 1));
    present = 0;
    for (std::size_t column = 0; column < columns.size(); ++column) {
      auto const at = shape.order[column];
      row[column] = values[at];
      present |= (cells.present(0) >> at & 1) << column;
    }
    open_.append(tick, std::span(row).first(columns.size()), std::span(&present, 1));
    return;
  }
  std::vector<std::int64_t> row(columns.size(), 0);
  std::vector<std::uint64_t> present((columns.size() + 63) / 64, 0);
  std::size_t column = 0;
  for (std::size_t i = 0; i < shape.columns.size(); ++i, ++column) {
    while (columns[column] != shape.columns[i]) ++column;
    Cell const cell = cells[shape.order[i]];
    row[column] = cell.value_or(0);
    present[column / 64] |= std::uint64_t{cell.has_value()} << (column % 64);
  }
  open_.append(tick, row, present);
}

// A row that is not the newest, or with new columns, or whose cells join those that are there: all
// the open ones are made anew.
bool Tail::add_between(TickNs tick, SchemaShape const& shape, Cells const& cells,
                       OfOneTick of_one_tick) {
  Rows rows = open_.table();
  std::size_t const row = rows.find(tick);
  bool const known = row < rows.size() && rows.ticks()[row] == tick;
  if (known && of_one_tick == OfOneTick::first) return false;
  auto columns = open_.columns();
  rows.widen(shape.columns);
  if (rows.columns().size() != columns->size()) {
    columns = std::make_shared<std::vector<MetricId> const>(rows.columns());
    known_.clear();
  }
  if (!known)
    rows.insert(row, tick);
  else if (of_one_tick == OfOneTick::newest)
    rows.clear_cells(row);
  fill(rows, row, shape, cells, of_one_tick);
  added_columns_ = columns_of(rows, row);
  open_ = OpenRows(std::move(columns), rows);
  return true;
}

bool Tail::add_packed(TickNs tick, SchemaShape const& shape, Cells const& cells,
                      OfOneTick of_one_tick) {
  auto at = static_cast<std::size_t>(
      std::find_if(packed_.begin(), packed_.end(),
                   [&](PackedBlock const& block) { return tick <= block->last; }) -
      packed_.begin());
  bool alone = false;
  if (tick < packed_[at]->first) {  // between two blocks, or before all
    // Rows of a time that was left out come one after the other, and each makes its block anew: so
    // they begin a block and do not join a long one.
    auto const is_short = [&](std::size_t block) {
      return packed_[block]->rows < packing_of(of_one_tick).at_once;
    };
    if (at > 0 && is_short(at - 1))
      --at;
    else
      alone = !is_short(at);
  }
  Rows rows;
  if (!alone) rows = unpack(*packed_[at]);
  rows.widen(shape.columns);
  std::size_t const row = rows.find(tick);
  if (row < rows.size() && rows.ticks()[row] == tick) {
    if (of_one_tick == OfOneTick::first) return false;
    if (of_one_tick == OfOneTick::newest) rows.clear_cells(row);
  } else {
    rows.insert(row, tick);
    ++packed_rows_;
  }
  fill(rows, row, shape, cells, of_one_tick);
  added_columns_ = columns_of(rows, row);
  if (alone)
    packed_.insert(packed_.begin() + static_cast<std::ptrdiff_t>(at), pack(rows, 0, 1));
  else
    replace_packed(at, rows);
  return true;
}

std::vector<MetricId> Tail::new_columns(std::vector<MetricId> const& known) {
  std::vector<MetricId> fresh;
  auto const look_up = [&](MetricId column) {
    bool const is_known = std::binary_search(known.begin(), known.end(), column);
    if (!is_known) fresh.push_back(column);
  };
  for (MetricId const column : added_columns_) look_up(column);
  if (!added_newest_) return fresh;
  auto const added = open_.newest_present();
  known_.resize(added.size(), 0);
  for (std::size_t word = 0; word < added.size(); ++word) {
    if ((added[word] & ~known_[word]) == 0) continue;
    for (std::size_t bit = 0; bit < 64; ++bit)
      if (((added[word] & ~known_[word]) >> bit) & 1) look_up((*open_.columns())[word * 64 + bit]);
    known_[word] |= added[word];
  }
  return fresh;
}

void Tail::pack_open(std::size_t rows, ColumnTable& scratch) {
  packed_.push_back(open_.oldest(rows, scratch) ? pack(scratch, scratch.ticks, 0, rows)
                                                : pack(open_.table(0, rows), 0, rows));
  packed_rows_ += rows;
  open_.drop_oldest(rows);
}

void Tail::replace_packed(std::size_t at, Rows const& rows) {
  auto const place = packed_.begin() + static_cast<std::ptrdiff_t>(at);
  if (rows.size() <= most_packed) {
    *place = pack(rows, 0, rows.size());
    return;
  }
  auto const half = rows.size() / 2;
  *place = pack(rows, half, rows.size());
  packed_.insert(place, pack(rows, 0, half));
}

bool Tail::has_until(TickNs until) const {
  return (!packed_.empty() && packed_.front()->first <= until) ||
         (!open_.empty() && open_.ticks().front() <= until);
}

std::vector<PackedBlock> Tail::freeze(TickNs until, ColumnTable& scratch) {
  std::size_t count = 0;
  while (count < packed_.size() && packed_[count]->last <= until) ++count;
  if (count < packed_.size() && packed_[count]->first <= until) {  // it straddles: cut it in two
    Rows const rows = unpack(*packed_[count]);
    auto const cut = rows.find(until + 1);
    packed_[count] = pack(rows, cut, rows.size());
    packed_.insert(packed_.begin() + static_cast<std::ptrdiff_t>(count), pack(rows, 0, cut));
    ++count;
  } else if (count == packed_.size()) {
    auto const rows = open_.ticks().behind(until);
    if (rows > 0) {
      pack_open(rows, scratch);
      ++count;
    }
  }
  return {packed_.begin(), packed_.begin() + static_cast<std::ptrdiff_t>(count)};
}

void Tail::release(std::span<PackedBlock const> blocks) {
  std::erase_if(packed_, [&](PackedBlock const& block) {
    bool const spilled = std::find(blocks.begin(), blocks.end(), block) != blocks.end();
    if (spilled) packed_rows_ -= block->rows;
    return spilled;
  });
  if (!empty()) return;
  packed_.shrink_to_fit();
  open_ = OpenRows();  // a dead entity holds none; a living one gets it back with its next row
}

void Tail::snapshot(Selection const& selection, TickNs from, TickNs until,
                    std::vector<PackedBlock>& packed, SelectedRows& open) const {
  for (PackedBlock const& block : packed_)
    if (block->last >= from && block->first <= until) packed.push_back(block);
  open_.select(selection, from, until, open);
}

}  // namespace dadvisor::aggregator::store
