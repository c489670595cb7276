#pragma once
// The codec of a column: the values of one metric of one entity over the rows of a block. The
// cheapest of several predictions is taken for each column, so that counters, gauges and the bits
// of doubles need not be told apart. Layout: FORMAT.md. Encoders are not thread-safe: they
// keep their scratch memory from column to column.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::aggregator::store {

// quick: of what is soon written again; the ways that seldom save much are not tried.
enum class Effort { thorough, quick };

class ColumnEncoder {
 public:
  explicit ColumnEncoder(Effort effort = Effort::thorough) : effort_(effort) {}
  // Appends the payload of the values (at least one); returns the coding.
  std::uint8_t encode(std::span<std::int64_t const> values, std::string& out);

 private:
  // The values as whole numbers; empty when one is none.
  std::span<std::int64_t const> find_wholes(std::span<std::int64_t const> values);

  // Memory of its own for the columns of an open block, which come by the million.
  template <typename T>
  class Scratch {
   public:
    std::span<T> of(std::size_t size) {
      if (size <= few_.size()) return std::span(few_).first(size);
      if (many_.size() < size) many_.resize(size);
      return std::span(many_).first(size);
    }

   private:
    std::array<T, 32> few_;
    std::vector<T> many_;
  };

  Effort const effort_;
  Scratch<std::int64_t> backward_, negated_, wholes_, steps_, sums_, changes_;
  Scratch<std::uint64_t> rests_;
};

// Reads values [first, first + values.size()), not none, of the `rows` that there are. False:
// malformed, and they are undefined; of what is not read for them that is not told. The first ones
// cost little, of a long column the last ones.
bool decode_column(std::uint8_t coding, std::string_view payload, std::size_t rows,
                   std::size_t first, std::span<std::int64_t> values);
// The same of all.
inline bool decode_column(std::uint8_t coding, std::string_view payload,
                          std::span<std::int64_t> values) {
  return decode_column(coding, payload, values.size(), 0, values);
}

}  // namespace dadvisor::aggregator::store
