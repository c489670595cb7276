#include "aggregator/store/open_steps.hpp"

#include <bit>
#include <utility>

#include "common/core/prefetch.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::uint64_t each_byte = 0x0101'0101'0101'0101;

unsigned bytes_in(std::uint64_t bits) {
  return (static_cast<unsigned>(std::bit_width(bits)) + 7) / 8;
}

void put(std::uint64_t bits, std::uint8_t* out) { std::memcpy(out, &bits, sizeof bits); }

}  // namespace

OpenSteps::Shape OpenSteps::Shape::least(std::int64_t step) {
  if (step == 0) return {};
  auto const skipped =
      static_cast<unsigned>(std::countr_zero(static_cast<std::uint64_t>(step))) / 8;
  return {bytes_in(Shape{0, skipped}.folded(step)), skipped};
}

OpenSteps::Shape OpenSteps::Shape::joined(Shape other) const {
  if (bytes == 0) return other;
  if (other.bytes == 0) return *this;
  unsigned const both = std::min(skipped, other.skipped);
  unsigned const most = std::max(bytes + skipped, other.bytes + other.skipped) - both;
  return {std::min(most, 8u), both};
}

// Eight columns at once.
std::size_t OpenSteps::before(std::size_t column) const {
  std::size_t sum = 0;
  for (std::size_t at = 0; at < column; at += 8) {
    auto word = load(bytes_.data() + at) & (each_byte * 15);
    if (column - at < 8) word &= low_bytes[column - at];
    sum += (word * each_byte) >> 56;
  }
  return sum;
}

std::uint8_t* OpenSteps::add_row() {
  if (loose() == strip) make_strip();
  // By doubling, a quarter of all this would be room that nobody needs.
  if (bytes_.capacity() - bytes_.size() < stride_)
    bytes_.reserve(bytes_.size() + bytes_.size() / 4 + stride_);
  std::size_t const begin = bytes_.size() - slack;
  bytes_.resize(bytes_.size() + stride_);
  ++rows_;
  return bytes_.data() + begin;
}

void OpenSteps::widen_newest(std::span<std::int64_t const> steps) {
  bytes_.resize(bytes_.size() - stride_);
  --rows_;
  std::vector<Shape> shapes;
  shapes.reserve(steps.size());
  for (std::size_t column = 0; column < steps.size(); ++column) {
    Shape const its = Shape::of(bytes_[column]);
    shapes.push_back(its.fits(steps[column]) ? its : its.joined(Shape::least(steps[column])));
  }
  reshape(shapes);
  std::uint8_t* out = add_row();
  for (std::size_t column = 0; column < steps.size(); ++column) {
    put(shapes[column].folded(steps[column]), out);
    out += shapes[column].bytes;
  }
}

// What is written ascends, so that each word covers what the one before wrote beyond its bytes.
void OpenSteps::reshape(std::span<Shape const> shapes, std::size_t first) {
  std::size_t stride = 0;
  for (Shape const& shape : shapes) stride += shape.bytes;
  std::size_t const rows = rows_ - first, strips = rows / strip;
  std::vector<std::uint8_t> made(columns_ + rows * stride + slack, 0);
  std::vector<Column> columns;
  if (rows > 0) columns.reserve(columns_);
  std::size_t in_front = 0;
  for (std::size_t column = 0; column < columns_; ++column) {
    Shape const its = Shape::of(bytes_[column]);
    made[column] = shapes[column].byte();
    if (rows > 0) columns.emplace_back(*this, its, in_front);
    in_front += its.bytes;
  }
  std::uint8_t* out = made.data() + columns_;
  auto const write = [&](std::size_t column, std::size_t row) {
    Column const& its = columns[column];
    Shape const now = shapes[column];
    put(its.shape().skipped == now.skipped ? its.bits(row) : now.folded(its[row]), out);
    out += now.bytes;
  };
  std::size_t const in_strips = first + strips * strip;
  for (std::size_t begin = first; begin < in_strips; begin += strip)
    for (std::size_t column = 0; column < columns_; ++column)
      for (std::size_t row = begin; row < begin + strip && shapes[column].bytes > 0; ++row)
        write(column, row);
  for (std::size_t row = in_strips; row < rows_; ++row)
    for (std::size_t column = 0; column < columns_; ++column) write(column, row);
  bytes_ = std::move(made);
  stride_ = static_cast<std::uint32_t>(stride);
  rows_ = static_cast<std::uint32_t>(rows);
  strips_ = static_cast<std::uint32_t>(strips);
}

std::vector<std::uint8_t> OpenSteps::newest_strip() const {
  auto const begin = bytes_.end() - static_cast<std::ptrdiff_t>(slack + strip * stride_);
  return {begin, bytes_.end()};
}

void OpenSteps::make_strip() {
  auto const rows = newest_strip();
  std::uint8_t const* in = rows.data();
  std::uint8_t* out = bytes_.data() + bytes_.size() - rows.size();
  for (std::size_t column = 0; column < columns_; ++column) {
    unsigned const its = Shape::of(bytes_[column]).bytes;
    if (its == 0) continue;
    for (std::size_t row = 0; row < strip; ++row, out += its) put(load(in + row * stride_), out);
    in += its;
  }
  ++strips_;
}

void OpenSteps::loosen_strip() {
  auto const columns = newest_strip();
  std::uint8_t* out = bytes_.data() + bytes_.size() - columns.size();
  for (std::size_t row = 0; row < strip; ++row) {
    std::uint8_t const* in = columns.data();
    for (std::size_t column = 0; column < columns_; ++column) {
      unsigned const its = Shape::of(bytes_[column]).bytes;
      put(load(in + row * its), out);
      in += strip * its;
      out += its;
    }
  }
  --strips_;
}

void OpenSteps::drop_newest() {
  if (loose() == 0) loosen_strip();
  bytes_.resize(bytes_.size() - stride_);
  --rows_;
}

void OpenSteps::drop_oldest(std::size_t rows) {
  // The shapes that were needed until now will do for what comes, mostly.
  std::vector<Shape> shapes;
  shapes.reserve(columns_);
  std::size_t in_front = 0;
  for (std::size_t at = 0; at < columns_; ++at) {
    Shape its = Shape::of(bytes_[at]);
    Column const steps(*this, its, in_front);
    in_front += its.bytes;
    std::uint64_t all = 0, values = 0;
    if (its.bytes > 0)
      steps.visit_back(0, rows_, [&](std::size_t, std::uint64_t bits) {
        all |= bits;
        values |= static_cast<std::uint64_t>(unzigzag(bits));
      });
    its = all == 0 ? Shape() : Shape{bytes_in(all), its.skipped};
    // Of steps with more low bytes that are 0, each of them is one less to be written.
    unsigned const zeros = all == 0 ? 0 : static_cast<unsigned>(std::countr_zero(values)) / 8;
    unsigned const less = std::min(zeros, its.bytes - (its.bytes > 0 ? 1 : 0));
    shapes.push_back({its.bytes - less, its.skipped + less});
  }
  reshape(shapes, rows);
}

void OpenSteps::add_row_to(std::size_t at, std::span<std::int64_t> values) const {
  bool const is_loose = at >= strips_ * strip;
  std::size_t const apart = is_loose ? 1 : strip;  // from column to column, in steps of it
  std::uint8_t const* in = is_loose ? row(at) : row(at / strip * strip);
  for (std::size_t column = 0; column < values.size(); ++column) {
    Shape const its = Shape::of(bytes_[column]);
    auto const bits = load(in + (is_loose ? 0 : at % strip * its.bytes)) & low_bytes[its.bytes];
    values[column] = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[column]) +
                                               static_cast<std::uint64_t>(its.unfolded(bits)));
    in += apart * its.bytes;
  }
}

void OpenSteps::expect_steps(std::size_t column) const {
  unsigned const its = Shape::of(bytes_[column]).bytes;
  if (its == 0) return;
  std::size_t const in_front = before(column);
  std::uint8_t const* at = row(0) + strip * in_front;
  for (std::size_t i = 0; i < strips_; ++i, at += strip * stride_) {
    __builtin_prefetch(at);
    __builtin_prefetch(at + strip * its - 1);  // which may lie in the next line
  }
  at = row(strips_ * strip) + in_front;
  for (std::size_t i = 0; i < loose(); ++i, at += stride_) __builtin_prefetch(at);
}

void OpenSteps::expect_row() const {
  std::uint8_t const* const end = bytes_.data() + bytes_.size();
  __builtin_prefetch(bytes_.data());  // the shapes
  __builtin_prefetch(end, 1);
  if (loose() < strip) return;
  std::uint8_t const* const first = row(strips_ * strip);
  prefetch<Access::write>(first, static_cast<std::size_t>(end - first));
}

}  // namespace dadvisor::aggregator::store
