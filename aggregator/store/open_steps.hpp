#pragma once
// The steps of open rows, those of a column all in as many bytes as the widest of them needs.
//
// They come row by row and are read column by column, mostly one column of thousands of entities.
// So the newest rows, up to eight, stand as they came, one more at one place; before a ninth comes,
// these eight become a strip, in which the eight steps of a column stand beside each other: who
// reads one column waits for a cache line of each strip, and not for one of each row. A strip takes
// the bytes that its rows took. When a step comes that does not fit, all is written anew. Not
// thread-safe.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {

class OpenSteps {
 public:
  // How a column's steps are written: the zigzag of a step without its `skipped` lowest bytes,
  // which are 0 in all of them (doubles change at the upper end), in `bytes` bytes.
  struct Shape {
    unsigned bytes = 0, skipped = 0;

    static Shape of(std::uint8_t byte) { return {byte & 15u, static_cast<unsigned>(byte >> 4)}; }
    std::uint8_t byte() const { return static_cast<std::uint8_t>(bytes | skipped << 4); }
    static Shape least(std::int64_t step);  // in which this one fits
    Shape joined(Shape other) const;        // in which all fit that fit either
    bool fits(std::int64_t step) const { return beyond(folded(step), step) == 0; }
    // The zigzag of what is written of a step, and the step that it stands for.
    std::uint64_t folded(std::int64_t step) const { return zigzag(step >> (8 * skipped)); }
    std::int64_t unfolded(std::uint64_t bits) const {
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(unzigzag(bits)) << (8 * skipped));
    }
    // Not 0: bits of a step, or of its zigzag, that it has no room for.
    std::uint64_t beyond(std::uint64_t bits, std::int64_t step) const {
      return (static_cast<std::uint64_t>(step) & low_bytes[skipped]) | (bits & ~low_bytes[bytes]);
    }
  };
  class Column;

  OpenSteps() = default;
  explicit OpenSteps(std::size_t columns)
      : bytes_(columns + slack, 0), columns_(static_cast<std::uint32_t>(columns)) {}

  std::size_t columns() const { return columns_; }
  std::size_t rows() const { return rows_; }
  std::uint8_t const* shapes() const { return bytes_.data(); }  // the byte() of each column's

  // Room for one row behind all others: each of its steps is to be written by column, as a word at
  // the end of the one before, whose upper bytes it covers.
  std::uint8_t* add_row();
  // The newest row has these steps, some of which do not fit in the room for them.
  void widen_newest(std::span<std::int64_t const> steps);
  void drop_newest();                  // there must be one
  void drop_oldest(std::size_t rows);  // so many must be there
  // Gives all columns these shapes, in which the steps of rows from `first` on must fit; the rows
  // before it go.
  void reshape(std::span<Shape const> shapes, std::size_t first = 0);

  Column column(std::size_t column) const;
  // Adds each column's step of a row to its value; sums wrap.
  void add_row_to(std::size_t row, std::span<std::int64_t> values) const;

  // Hints: that what column() looks at is read soon; that all steps of a column are; that an
  // add_row() is near.
  void expect_column() const { __builtin_prefetch(bytes_.data()); }
  void expect_steps(std::size_t column) const;
  void expect_row() const;

 private:
  static constexpr std::size_t strip = 8;                      // rows
  static constexpr std::size_t slack = sizeof(std::uint64_t);  // that words are read beyond
  // The lowest bytes of a word, from none to all of them.
  static constexpr std::array<std::uint64_t, 9> low_bytes = [] {
    std::array<std::uint64_t, 9> made{};
    for (unsigned bytes = 1; bytes < made.size(); ++bytes)
      made[bytes] = ~std::uint64_t{0} >> (64 - 8 * bytes);
    return made;
  }();

  static std::uint64_t load(std::uint8_t const* in) {
    std::uint64_t word;
    std::memcpy(&word, in, sizeof word);
    return word;
  }
  std::size_t before(std::size_t column) const;  // bytes of a row in front of the column's step
  std::size_t loose() const { return rows_ - strips_ * strip; }  // rows that stand as they came
  std::uint8_t const* row(std::size_t row) const {               // of a loose one
    return bytes_.data() + columns_ + row * stride_;
  }
  std::vector<std::uint8_t> newest_strip() const;  // the eight rows or the strip at its place
  void make_strip();                               // of the loose rows, which are eight
  void loosen_strip();                             // the newest one, where no row is loose

  // The columns' shapes; the strips; the rows that are loose; slack.
  std::vector<std::uint8_t> bytes_;
  std::uint32_t columns_ = 0;
  std::uint32_t stride_ = 0;  // bytes of a row
  std::uint32_t rows_ = 0, strips_ = 0;
};

// The steps of one column; valid until they change.
class OpenSteps::Column {
 public:
  Column(OpenSteps const& steps, std::size_t column)
      : Column(steps, Shape::of(steps.bytes_[column]), steps.before(column)) {}
  Column(OpenSteps const& steps, Shape shape, std::size_t before)
      : shape_(shape),
        mask_(low_bytes[shape.bytes]),
        stride_(steps.stride_),
        in_strips_(steps.strips_ * strip),
        strips_(steps.bytes_.data() + steps.columns_ + strip * before),
        loose_(steps.bytes_.data() + steps.columns_ + before) {}

  Shape shape() const { return shape_; }
  // As it is written.
  std::uint64_t bits(std::size_t row) const {
    auto const* const at = row < in_strips_ ? in_strip(row / strip) + row % strip * shape_.bytes
                                            : loose_ + row * stride_;
    return load(at) & mask_;
  }
  std::int64_t operator[](std::size_t row) const { return shape_.unfolded(bits(row)); }
  // Calls visit(row, bits) for rows [first, last), the last one first.
  template <typename Visit>
  void visit_back(std::size_t first, std::size_t last, Visit const& visit) const {
    for (; last > std::max(first, in_strips_); --last)
      visit(last - 1, load(loose_ + (last - 1) * stride_) & mask_);
    while (last > first) {
      std::size_t const begin = (last - 1) / strip * strip, until = std::max(first, begin);
      std::uint8_t const* at = in_strip(begin / strip) + (last - begin) * shape_.bytes;
      for (; last > until; --last) visit(last - 1, load(at -= shape_.bytes) & mask_);
    }
  }
  // The value of row `first`, where `value` is that of row `last`: of each between them put(row,
  // its value) is called, the newest first. Sums wrap.
  template <typename Put>
  std::int64_t values_back(std::size_t first, std::size_t last, std::int64_t value,
                           Put const& put) const {
    auto sum = static_cast<std::uint64_t>(value);
    visit_back(first, last, [&](std::size_t row, std::uint64_t bits) {
      sum += static_cast<std::uint64_t>(shape_.unfolded(bits));
      put(row, static_cast<std::int64_t>(sum));
    });
    return static_cast<std::int64_t>(sum);
  }

 private:
  std::uint8_t const* in_strip(std::size_t number) const {
    return strips_ + number * strip * stride_;
  }

  Shape const shape_;
  std::uint64_t const mask_;
  std::size_t const stride_, in_strips_;
  std::uint8_t const* const strips_;  // its steps in the first strip
  std::uint8_t const* const loose_;   // its step in row 0, if that were loose
};

inline OpenSteps::Column OpenSteps::column(std::size_t column) const { return {*this, column}; }

}  // namespace dadvisor::aggregator::store
