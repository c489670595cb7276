#include "aggregator/store/open_rows.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "aggregator/store/wrapping.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::uint64_t each_byte = 0x0101'0101'0101'0101;

std::int64_t unfolded(std::uint64_t bits, unsigned skipped) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(unzigzag(bits)) << (8 * skipped));
}
unsigned bytes_in(std::uint64_t bits) {
  return (static_cast<unsigned>(std::bit_width(bits)) + 7) / 8;
}

std::uint64_t load(std::uint8_t const* in) {
  std::uint64_t word;
  std::memcpy(&word, in, sizeof word);
  return word;
}

void fetch_bytes(void const* begin, std::size_t size) {
  constexpr std::size_t cache_line = 64;
  auto const* const bytes = static_cast<char const*>(begin);
  for (std::size_t at = 0; at < size; at += cache_line) __builtin_prefetch(bytes + at);
}

// By doubling, a quarter of all this would be room that nobody needs.
template <typename T>
void make_room(std::vector<T>& values, std::size_t more) {
  if (values.capacity() - values.size() < more)
    values.reserve(values.size() + values.size() / 4 + more);
}

}  // namespace

OpenRows::Shape OpenRows::Shape::least(std::int64_t step) {
  if (step == 0) return {};
  auto const skipped =
      static_cast<unsigned>(std::countr_zero(static_cast<std::uint64_t>(step))) / 8;
  return {bytes_in(Shape{0, skipped}.folded(step)), skipped};
}

OpenRows::Shape OpenRows::Shape::joined(Shape other) const {
  if (bytes == 0) return other;
  if (other.bytes == 0) return *this;
  unsigned const both = std::min(skipped, other.skipped);
  unsigned const most = std::max(bytes + skipped, other.bytes + other.skipped) - both;
  return {std::min(most, 8u), both};
}

// The steps of one column.
class OpenRows::Steps {
 public:
  Steps(std::uint8_t const* first, std::size_t stride, Shape shape)
      : first_(first), stride_(stride), mask_(low_bytes[shape.bytes]), skipped_(shape.skipped) {}
  std::uint64_t bits(std::size_t row) const { return load(first_ + row * stride_) & mask_; }
  std::int64_t operator[](std::size_t row) const { return unfolded(bits(row), skipped_); }

 private:
  std::uint8_t const* const first_;
  std::size_t const stride_;
  std::uint64_t const mask_;
  unsigned const skipped_;
};

OpenRows::OpenRows(Columns columns)
    : columns_(std::move(columns)),
      bytes_(columns_->size() + slack, 0),
      values_(columns_->size(), 0),
      present_(words(), 0) {}

OpenRows::OpenRows(Columns columns, Rows const& table) : OpenRows(std::move(columns)) {
  // The shapes come first, so that no row is written twice.
  std::vector<Shape> shapes(columns_->size());
  for (std::size_t column = 0; column < shapes.size(); ++column) {
    std::int64_t value = 0;
    for (std::size_t row = 0; row < table.size(); ++row) {
      if (!table.has(row, column)) continue;
      auto const before = std::exchange(value, table.value(row, column));
      auto const step = minus(before, value);
      if (row > 0 && !shapes[column].fits(step))
        shapes[column] = shapes[column].joined(Shape::least(step));
    }
  }
  reshape(shapes, 0);
  for (std::size_t row = 0; row < table.size(); ++row)
    append(table.ticks()[row], [&](std::size_t column) -> Cell {
      if (!table.has(row, column)) return std::nullopt;
      return table.value(row, column);
    });
}

// Eight columns at once: where the column's steps begin in a row is what those before it take.
OpenRows::Steps OpenRows::steps_of(std::size_t column) const {
  std::size_t before = 0;
  for (std::size_t at = 0; at < column; at += 8) {
    auto word = load(bytes_.data() + at) & (each_byte * 15);
    if (column - at < 8) word &= low_bytes[column - at];
    before += (word * each_byte) >> 56;
  }
  return {bytes_.data() + columns_->size() + before, stride_, Shape::of(bytes_[column])};
}

std::uint8_t* OpenRows::add_room() {
  make_room(bytes_, stride_);
  std::size_t const before = bytes_.size();
  bytes_.resize(before + stride_);
  return bytes_.data() + before - slack;
}

void OpenRows::widen_for(std::span<std::int64_t const> steps) {
  bytes_.resize(bytes_.size() - stride_);
  std::vector<Shape> shapes;
  shapes.reserve(steps.size());
  for (std::size_t column = 0; column < steps.size(); ++column) {
    Shape const its = Shape::of(bytes_[column]);
    shapes.push_back(its.fits(steps[column]) ? its : its.joined(Shape::least(steps[column])));
  }
  reshape(shapes, 0);
  std::uint8_t* out = add_room();
  for (std::size_t column = 0; column < steps.size(); ++column) {
    auto const bits = shapes[column].folded(steps[column]);
    std::memcpy(out, &bits, sizeof bits);
    out += shapes[column].bytes;
  }
}

void OpenRows::reshape(std::span<Shape const> shapes, std::size_t first) {
  std::size_t stride = 0;
  for (Shape const& shape : shapes) stride += shape.bytes;
  std::size_t const rows = steps() - first;
  std::vector<std::uint8_t> made(shapes.size() + rows * stride + slack, 0);
  std::size_t offset = shapes.size();
  for (std::size_t column = 0; column < shapes.size(); ++column) {
    Shape const before = Shape::of(bytes_[column]), now = shapes[column];
    made[column] = now.byte();
    if (now.bytes == 0) continue;
    Steps const its = steps_of(column);
    // By columns, so that what was written behind a step before is written again.
    for (std::size_t row = 0; row < rows; ++row) {
      auto const bits =
          before.skipped == now.skipped ? its.bits(first + row) : now.folded(its[first + row]);
      std::memcpy(made.data() + offset + row * stride, &bits, now.bytes);
    }
    offset += now.bytes;
  }
  bytes_ = std::move(made);
  stride_ = static_cast<std::uint32_t>(stride);
}

void OpenRows::keep_present() {
  others_.push_back(size() - 1);
  others_.insert(others_.end(), present_.begin(), present_.end());
}

template <typename Visit>
void OpenRows::visit_others(std::size_t first, Visit const& visit) const {
  std::size_t const each = 1 + words();
  for (std::size_t end = others_.size(); end > 0 && others_[end - each] >= first; end -= each)
    visit(static_cast<std::size_t>(others_[end - each]),
          std::span(others_).subspan(end - words(), words()));
}

void OpenRows::step_back(std::size_t row, std::span<std::int64_t> values) const {
  std::uint8_t const* in = bytes_.data() + columns_->size() + row * stride_;
  for (std::size_t column = 0; column < values.size(); ++column) {
    Shape const its = Shape::of(bytes_[column]);
    values[column] = plus(values[column], unfolded(load(in) & low_bytes[its.bytes], its.skipped));
    in += its.bytes;
  }
}

void OpenRows::fetch() const {
  fetch_bytes(values_.data(), values_.size() * sizeof values_[0]);
  fetch_bytes(present_.data(), present_.size() * sizeof present_[0]);
  fetch_bytes(bytes_.data(), bytes_.size());
}

void OpenRows::expect_row() const {
  constexpr std::size_t cache_line = 64;
  auto const* const values = reinterpret_cast<char const*>(values_.data());
  for (std::size_t at = 0; at < values_.size() * sizeof values_[0]; at += cache_line)
    __builtin_prefetch(values + at, 1);
  __builtin_prefetch(present_.data(), 1);
  __builtin_prefetch(bytes_.data());  // the shapes
  __builtin_prefetch(bytes_.data() + bytes_.size(), 1);
}

void OpenRows::drop_newest() {
  ticks_.drop_newest();
  if (empty()) return;
  std::size_t const row = size() - 1;
  step_back(row, values_);
  bytes_.resize(bytes_.size() - stride_);
  if (others_.empty() || others_[others_.size() - 1 - words()] != row) return;
  std::ranges::copy(std::span(others_).last(words()), present_.begin());
  others_.resize(others_.size() - 1 - words());
}

void OpenRows::drop_oldest(std::size_t rows) {
  // The shapes that were needed until now will do for what comes, mostly.
  std::vector<Shape> shapes;
  shapes.reserve(columns_->size());
  for (std::size_t column = 0; column < columns_->size(); ++column) {
    Shape its = Shape::of(bytes_[column]);
    Steps const column_steps = steps_of(column);
    std::uint64_t bits = 0, all = 0;
    for (std::size_t row = 0; its.bytes > 0 && row < steps(); ++row) {
      auto const one = column_steps.bits(row);
      bits |= one;
      all |= static_cast<std::uint64_t>(unzigzag(one));
    }
    its = bits == 0 ? Shape() : Shape{bytes_in(bits), its.skipped};
    // Of steps with more low bytes that are 0, each of them is one less to be written.
    unsigned const zeros = bits == 0 ? 0 : static_cast<unsigned>(std::countr_zero(all)) / 8;
    shapes.push_back({its.bytes - std::min(zeros, its.bytes - (its.bytes > 0 ? 1 : 0)),
                      its.skipped + std::min(zeros, its.bytes - (its.bytes > 0 ? 1 : 0))});
  }
  std::size_t const gone = std::min(rows, steps());
  reshape(shapes, gone);
  ticks_.drop_oldest(rows);
  std::size_t const each = 1 + words();
  std::size_t first = 0;  // of the others that stay
  while (first < others_.size() && others_[first] < rows) first += each;
  others_.erase(others_.begin(), others_.begin() + static_cast<std::ptrdiff_t>(first));
  for (std::size_t at = 0; at < others_.size(); at += each) others_[at] -= rows;
}

void OpenRows::select(Selection const& selection, TickNs from, TickNs until,
                      SelectedRows& out) const {
  auto const first = ticks_.at_or_behind(from), last = ticks_.behind(until);
  if (first >= last) return;
  std::size_t const before = out.ticks.size();
  out.begin_rows(selection.width(), ticks_, first, last);
  auto at = columns_->begin();
  for (auto const& [metric, place] : selection.places()) {
    at = std::lower_bound(at, columns_->end(), metric);
    if (at == columns_->end() || *at != metric) {
      out.lack(place, before);
      continue;
    }
    auto const column = static_cast<std::size_t>(at - columns_->begin());
    Steps const its = steps_of(column);
    std::int64_t value = values_[column];
    for (std::size_t row = steps(); row >= last; --row) value = plus(value, its[row - 1]);
    std::int64_t* const values = out.columns[place].values.data() + before;
    values[last - 1 - first] = value;
    for (std::size_t row = last - 1; row-- > first;)
      values[row - first] = value = plus(value, its[row]);
    bool const present = ((present_[column / 64] >> (column % 64)) & 1) != 0;
    if (!present || !others_.empty()) show_absent(column, place, first, last, before, out);
  }
}

void OpenRows::show_absent(std::size_t column, std::size_t place, std::size_t first,
                           std::size_t last, std::size_t before, SelectedRows& out) const {
  auto const has = [&](std::span<std::uint64_t const> present) {
    return ((present[column / 64] >> (column % 64)) & 1) != 0;
  };
  bool present = has(present_);
  std::size_t behind = size();  // rows from here on were seen
  auto const show = [&](std::size_t until) {
    for (; behind > until; --behind)
      if (!present && behind <= last) out.set(place, before + behind - 1 - first, std::nullopt);
  };
  visit_others(first, [&](std::size_t row, std::span<std::uint64_t const> bitmap) {
    show(row + 1);
    present = has(bitmap);
  });
  show(first);
}

bool OpenRows::oldest(std::size_t rows, ColumnTable& made) const {
  auto present = present_;
  bool alike = true;
  visit_others(0, [&](std::size_t row, std::span<std::uint64_t const> bitmap) {
    if (row + 1 < rows)
      alike = false;
    else
      std::ranges::copy(bitmap, present.begin());
  });
  if (!alike) return false;
  made.ticks.clear();
  ticks_.append_to(made.ticks, 0, rows);
  std::size_t count = 0;
  for (std::size_t column = 0; column < columns_->size(); ++column) {
    if (((present[column / 64] >> (column % 64)) & 1) == 0) continue;
    if (made.columns.size() == count) made.columns.emplace_back();
    TableColumn& its = made.columns[count++];
    its.id = (*columns_)[column];
    its.values.resize(rows);
    its.has.clear();
    std::int64_t value = values_[column];
    if (Shape::of(bytes_[column]).bytes == 0) {
      std::ranges::fill(its.values, value);
      continue;
    }
    Steps const column_steps = steps_of(column);
    for (std::size_t row = steps(); row >= rows; --row) value = plus(value, column_steps[row - 1]);
    its.values[rows - 1] = value;
    for (std::size_t row = rows - 1; row-- > 0;)
      its.values[row] = value = plus(value, column_steps[row]);
  }
  made.columns.resize(count);
  return true;
}

Rows OpenRows::table(TickNs from) const {
  return columns_ ? table(ticks_.at_or_behind(from), size()) : Rows();
}

Rows OpenRows::table(std::size_t first, std::size_t last) const {
  std::vector<TickNs> ticks;
  ticks_.append_to(ticks, first, last);
  Rows made(*columns_, std::move(ticks));
  auto values = values_;
  auto present = present_;
  std::size_t behind = size();  // rows from here on were seen
  auto const show = [&](std::size_t until) {
    for (; behind > until; --behind) {
      if (behind < size()) step_back(behind - 1, values);
      if (behind <= last) made.set_row(behind - 1 - first, values, present);
    }
  };
  visit_others(first, [&](std::size_t row, std::span<std::uint64_t const> bitmap) {
    show(row + 1);
    std::ranges::copy(bitmap, present.begin());
  });
  show(first);
  return made;
}

}  // namespace dadvisor::aggregator::store
