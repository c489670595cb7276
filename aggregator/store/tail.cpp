#include "aggregator/store/tail.hpp"

#include <algorithm>
#include <cassert>

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t open_rows = 16;       // when so many are open ...
constexpr std::size_t packed_at_once = 12;  // ... so many are packed: a few stay for late rows
constexpr std::size_t most_packed = 24;     // a block that a late row made longer is split

// Sets the cells of row `row`, whose table has (at least) the shape's columns; of OfOneTick::cells
// those that are given alone.
void fill(Rows& rows, std::size_t row, SchemaShape const& shape, std::span<Cell const> cells,
          OfOneTick of_one_tick) {
  if (of_one_tick != OfOneTick::cells && rows.columns().size() == shape.columns.size()) {
    rows.set_all(row,
                 [&](std::size_t column) -> Cell const& { return cells[shape.order[column]]; });
    return;
  }
  std::size_t column = 0;
  for (std::size_t i = 0; i < shape.columns.size(); ++i, ++column) {
    Cell const& cell = cells[shape.order[i]];
    while (rows.columns()[column] < shape.columns[i]) ++column;
    if (cell) rows.set(row, column, *cell);
  }
}

PackedBlock pack(Rows const& rows, std::size_t first, std::size_t last) {
  auto block = std::make_shared<PackedRows>();
  block->first = rows.ticks()[first];
  block->last = rows.ticks()[last - 1];
  block->rows = last - first;
  encode_block(rows, first, last, block->bytes);
  block->bytes.shrink_to_fit();
  return block;
}

// Our own block in memory: that it does not decode is a broken invariant.
Rows unpack(PackedRows const& block) {
  auto rows = decode_block(block.bytes);
  assert(rows);
  return std::move(rows).value();
}

}  // namespace

SchemaShape::SchemaShape(Schema const& schema) {
  for (std::size_t i = 0; i < schema.metrics.size(); ++i) order.push_back(i);
  auto const& metrics = schema.metrics;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return metrics[a] < metrics[b]; });
  order.erase(std::unique(order.begin(), order.end(),
                          [&](std::size_t a, std::size_t b) { return metrics[a] == metrics[b]; }),
              order.end());
  for (std::size_t const i : order) columns.push_back(metrics[i]);
}

bool Tail::add(TickNs tick, std::shared_ptr<SchemaShape const> const& shape,
               std::span<Cell const> cells, OfOneTick of_one_tick) {
  added_.clear();
  added_columns_.clear();
  if (packed_.empty() || tick > packed_.back()->last)
    return add_open(tick, shape, cells, of_one_tick);
  return add_packed(tick, *shape, cells, of_one_tick);
}

bool Tail::add_open(TickNs tick, std::shared_ptr<SchemaShape const> const& shape,
                    std::span<Cell const> cells, OfOneTick of_one_tick) {
  if (open_.size() >= open_rows) {
    pack_open(packed_at_once);
    if (tick <= packed_.back()->last) return add_packed(tick, *shape, cells, of_one_tick);
  }
  if (shape_ != shape) {
    if (open_.empty()) {
      open_ = Rows(shape->columns);
      known_.clear();
      shape_ = shape;
    } else {
      auto const columns = open_.columns().size();
      open_.widen(shape->columns);
      if (open_.columns().size() != columns) {
        known_.clear();
        shape_ = nullptr;
      }
    }
  }
  std::size_t const at = open_.find(tick);
  if (at < open_.size() && open_.ticks()[at] == tick) {
    if (of_one_tick == OfOneTick::first) return false;
    if (of_one_tick == OfOneTick::newest) open_.clear_cells(at);
  } else {
    open_.insert(at, tick);
  }
  fill(open_, at, *shape, cells, of_one_tick);
  auto const present = open_.present(at);
  added_.assign(present.begin(), present.end());
  return true;
}

bool Tail::add_packed(TickNs tick, SchemaShape const& shape, std::span<Cell const> cells,
                      OfOneTick of_one_tick) {
  auto at = static_cast<std::size_t>(
      std::find_if(packed_.begin(), packed_.end(),
                   [&](PackedBlock const& block) { return tick <= block->last; }) -
      packed_.begin());
  bool alone = false;
  if (tick < packed_[at]->first) {  // between two blocks, or before all
    if (at > 0 && packed_[at - 1]->rows < most_packed)
      --at;
    else
      alone = packed_[at]->rows >= most_packed;
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
  for (std::size_t column = 0; column < rows.columns().size(); ++column)
    if (rows.has(row, column)) added_columns_.push_back(rows.columns()[column]);
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
  known_.resize(open_.words(), 0);
  for (std::size_t word = 0; word < added_.size(); ++word) {
    if ((added_[word] & ~known_[word]) == 0) continue;
    for (std::size_t bit = 0; bit < 64; ++bit)
      if (((added_[word] & ~known_[word]) >> bit) & 1) look_up(open_.columns()[word * 64 + bit]);
    known_[word] |= added_[word];
  }
  return fresh;
}

void Tail::pack_open(std::size_t rows) {
  packed_.push_back(pack(open_, 0, rows));
  packed_rows_ += rows;
  open_.erase_front(rows);
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

std::vector<PackedBlock> Tail::freeze(TickNs until) {
  std::size_t count = 0;
  while (count < packed_.size() && packed_[count]->last <= until) ++count;
  if (count < packed_.size() && packed_[count]->first <= until) {  // it straddles: cut it in two
    Rows const rows = unpack(*packed_[count]);
    auto const cut = rows.find(until + 1);
    packed_[count] = pack(rows, cut, rows.size());
    packed_.insert(packed_.begin() + static_cast<std::ptrdiff_t>(count), pack(rows, 0, cut));
    ++count;
  } else if (count == packed_.size()) {
    if (auto const rows = open_.find(until + 1); rows > 0) {
      pack_open(rows);
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
  open_ = Rows();  // a dead entity holds no memory; a living one gets it back with its next row
  shape_ = nullptr;
}

std::vector<PackedBlock> Tail::snapshot(Selection const& selection, TickNs from, TickNs until,
                                        SelectedRows& rows) const {
  std::vector<PackedBlock> blocks;
  for (PackedBlock const& block : packed_)
    if (block->last >= from && block->first <= until) blocks.push_back(block);
  select_rows(open_, selection, from, until, rows);
  return blocks;
}

}  // namespace dadvisor::aggregator::store
