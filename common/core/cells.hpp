#pragma once
// The cells of a row, in half the room of as many Cells: of each 64 of them a bitmap of those that
// are there, and behind it their values; an absent one's value is 0. Whoever reads or writes a
// million cells a second does it by these parts, anybody else by cell. Not thread-safe.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

namespace dadvisor {

// One figure as it travels and is stored: an integer, or the bits of a double for a metric of
// type real. Absent is absent, never 0.
using Cell = std::optional<std::int64_t>;
inline Cell real_cell(double value) { return std::bit_cast<std::int64_t>(value); }
inline double cell_real(std::int64_t cell) { return std::bit_cast<double>(cell); }

class Cells {
 public:
  static constexpr std::size_t part_cells = 64;
  class Writer;
  class Iterator;
  using value_type = Cell;
  using const_iterator = Iterator;

  Cells() = default;
  explicit Cells(std::size_t size) { resize(size); }  // all absent
  Cells(std::span<Cell const> cells) : Cells(cells.size()) {
    for (std::size_t at = 0; at < cells.size(); ++at) set(at, cells[at]);
  }
  Cells(std::vector<Cell> const& cells) : Cells(std::span(cells)) {}
  Cells(std::initializer_list<Cell> cells) : Cells(std::span(cells.begin(), cells.size())) {}

  std::size_t size() const { return words_.size() - parts(); }
  bool empty() const { return words_.empty(); }
  Cell operator[](std::size_t at) const {
    auto const* const part = words_.data() + at / part_cells * part_words;
    if (((part[0] >> (at % part_cells)) & 1) == 0) return std::nullopt;
    return static_cast<std::int64_t>(part[1 + at % part_cells]);
  }
  Iterator begin() const;
  Iterator end() const;
  bool operator==(Cells const&) const = default;

  inline void set(std::size_t at, Cell cell);
  void push_back(Cell cell) {
    resize(size() + 1);
    set(size() - 1, cell);
  }
  void reserve(std::size_t size) { words_.reserve(words_of(size)); }
  void resize(std::size_t size);  // what is new is absent
  // For whoever sets values all the time; valid while the size is the same, wherever the cells go.
  inline Writer writer();

  // How many are there.
  std::size_t count() const {
    std::size_t sum = 0;
    for (std::size_t part = 0; part < parts(); ++part)
      sum += static_cast<std::size_t>(std::popcount(present(part)));
    return sum;
  }

  // By parts: of cells [64 * part, 64 * part + values(part).size()).
  std::size_t parts() const { return (words_.size() + part_words - 1) / part_words; }
  std::uint64_t present(std::size_t part) const { return words_[part * part_words]; }
  std::uint64_t& present(std::size_t part) { return words_[part * part_words]; }
  // An integer may be read as its signed counterpart.
  std::span<std::int64_t const> values(std::size_t part) const {
    return {reinterpret_cast<std::int64_t const*>(words_.data()) + part * part_words + 1,
            values_in(part)};
  }
  std::span<std::int64_t> values(std::size_t part) {
    return {reinterpret_cast<std::int64_t*>(words_.data()) + part * part_words + 1,
            values_in(part)};
  }
  std::span<std::uint64_t const> words() const { return words_; }  // all of it, to be looked at

 private:
  static constexpr std::size_t part_words = 1 + part_cells;
  static std::size_t words_of(std::size_t size) {
    return size + (size + part_cells - 1) / part_cells;
  }
  std::size_t values_in(std::size_t part) const {
    return std::min(part_words, words_.size() - part * part_words) - 1;
  }

  std::vector<std::uint64_t> words_;
};

class Cells::Writer {
 public:
  Writer() = default;
  explicit Writer(std::uint64_t* words) : words_(words) {}
  void set(std::size_t at, std::int64_t value) const {
    auto* const part = words_ + at / part_cells * part_words;
    part[0] |= std::uint64_t{1} << (at % part_cells);
    part[1 + at % part_cells] = static_cast<std::uint64_t>(value);
  }
  void clear(std::size_t at) const {
    auto* const part = words_ + at / part_cells * part_words;
    part[0] &= ~(std::uint64_t{1} << (at % part_cells));
    part[1 + at % part_cells] = 0;
  }

 private:
  std::uint64_t* words_ = nullptr;
};

class Cells::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Cell;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = Cell;

  Iterator() = default;
  Iterator(Cells const& cells, std::size_t at) : cells_(&cells), at_(at) {}
  Cell operator*() const { return (*cells_)[at_]; }
  Iterator& operator++() {
    ++at_;
    return *this;
  }
  Iterator operator++(int) { return {*cells_, at_++}; }
  bool operator==(Iterator const&) const = default;

 private:
  Cells const* cells_ = nullptr;
  std::size_t at_ = 0;
};

inline Cells::Iterator Cells::begin() const { return {*this, 0}; }
inline Cells::Iterator Cells::end() const { return {*this, size()}; }
inline Cells::Writer Cells::writer() { return Writer(words_.data()); }

inline void Cells::set(std::size_t at, Cell cell) {
  if (cell)
    writer().set(at, *cell);
  else
    writer().clear(at);
}

inline void Cells::resize(std::size_t size) {
  words_.resize(words_of(size), 0);
  if (auto const last = size % part_cells; last != 0)
    present(size / part_cells) &= (std::uint64_t{1} << last) - 1;
}

}  // namespace dadvisor
