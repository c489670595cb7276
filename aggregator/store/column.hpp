#pragma once
// The codec of a column: the values of one metric of one entity over the rows of a block. The
// cheapest of several predictions is taken for each column, so that counters, gauges and the bits
// of doubles need not be told apart. Layout: FORMAT.md. Not thread-safe: the objects keep their
// scratch memory from column to column.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::aggregator::store {

class ColumnEncoder {
 public:
  // Appends the payload of the values (at least one); returns the coding.
  std::uint8_t encode(std::span<std::int64_t const> values, std::string& out);

 private:
  bool find_wholes(std::span<std::int64_t const> values);

  std::vector<std::int64_t> wholes_, steps_, sums_;
  std::vector<std::uint64_t> best_, candidate_;
};

class ColumnDecoder {
 public:
  // Reads values.size() (at least one) of them. False: malformed, and they are undefined.
  bool decode(std::uint8_t coding, std::string_view payload, std::span<std::int64_t> values);

 private:
  std::vector<std::uint64_t> packed_;
};

}  // namespace dadvisor::aggregator::store
