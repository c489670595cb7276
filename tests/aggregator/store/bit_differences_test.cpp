// Bit differences: the bytes that they take, their ends, and damage.

#include "aggregator/store/bit_differences.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {
namespace {

using Values = std::vector<std::int64_t>;

std::string written(Values const& values) {
  std::string bytes;
  ByteWriter writer(bytes);
  write_bit_differences(values, writer);
  REQUIRE(bit_differences_size(values) == 8 * bytes.size());
  return bytes;
}

TEST_CASE("a difference takes a byte, and those between its zero bytes") {
  Values values{*real_cell(50.0)};
  auto const add = [&](std::uint64_t difference) {
    values.push_back(
        static_cast<std::int64_t>(static_cast<std::uint64_t>(values.back()) ^ difference));
  };
  add(0);                      // nothing: a byte
  add(0x0000'ff01'0000'0000);  // two above four of zeros
  add(0x0100'0000'0000'0001);  // all eight
  add(0x8000'0000'0000'0000);  // the highest one
  add(1);                      // the lowest one
  auto const bytes = written(values);
  CHECK(bytes.substr(8) == std::string("\x00"
                                       "\x42\x01\xff"
                                       "\x08\x01\x00\x00\x00\x00\x00\x00\x01"
                                       "\x71\x80"
                                       "\x01\x01",
                                       1 + 3 + 9 + 2 + 2));
  Values back(values.size());
  BitDifferences differences(bytes);
  REQUIRE(differences.next(back));
  CHECK(back == values);
  CHECK(differences.at_end());
}

TEST_CASE("bit differences come back in pieces of any size, and what is cut is refused") {
  std::mt19937_64 random(9);
  for (int round = 0; round < 2'000; ++round) {
    Values values(random() % 90 + 1);
    std::uint64_t value = random();
    for (auto& one : values) {
      auto const skipped = 8 * (random() % 8);
      value ^= random() % 5 == 0 ? 0 : random() >> (random() % 64) >> skipped << skipped;
      one = static_cast<std::int64_t>(value);
    }
    auto const bytes = written(values);
    Values back(values.size(), 7);
    BitDifferences differences(bytes);
    for (std::size_t at = 0; at < back.size();) {
      auto const some = std::min(random() % 40, back.size() - at);
      REQUIRE(differences.next(std::span(back).subspan(at, some)));
      at += some;
    }
    REQUIRE(back == values);
    REQUIRE(differences.at_end());
    Values one(1);
    REQUIRE_FALSE(differences.next(one));
    std::string const part = bytes.substr(0, random() % bytes.size());  // of its own, for ASan
    REQUIRE_FALSE(BitDifferences(part).next(back));
  }
}

TEST_CASE("a difference of more than eight bytes is refused") {
  for (auto const shape : {'\x09', '\x72', '\x81', '\x0f'}) {
    for (std::size_t const behind : {8, 20}) {  // as the last one, and before others
      std::string bytes(8, '\0');
      bytes += shape;
      bytes.append(behind, '\0');
      Values back(2);
      CHECK_FALSE(BitDifferences(bytes).next(back));
    }
  }
}

}  // namespace
}  // namespace dadvisor::aggregator::store
