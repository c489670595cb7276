// Columns and the packed integers under them: round trips of all that can stand in one, the room
// that a known distribution needs, and damage.

#include "aggregator/store/column.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <random>

#include "aggregator/store/packed_integers.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {
namespace {

using Values = std::vector<std::int64_t>;

std::size_t column_size(Values const& values) {
  std::string payload;
  ColumnEncoder encoder;
  auto const coding = encoder.encode(values, payload);
  Values back(values.size(), 77);
  REQUIRE(decode_column(coding, payload, back));
  REQUIRE(back == values);
  // What is made quickly says the same.
  std::string quick;
  ColumnEncoder quick_encoder(Effort::quick);
  auto const quick_coding = quick_encoder.encode(values, quick);
  std::ranges::fill(back, 78);
  REQUIRE(decode_column(quick_coding, quick, back));
  REQUIRE(back == values);
  // Any part of it is the same, whatever it is read from.
  std::size_t const count = values.size();
  for (auto const& [first, last] :
       std::initializer_list<std::pair<std::size_t, std::size_t>>{{0, 1},
                                                                  {1, count},
                                                                  {0, count / 2},
                                                                  {count / 2, count},
                                                                  {count - 1, count},
                                                                  {count / 3, count / 2},
                                                                  {count * 3 / 4, count * 7 / 8}}) {
    if (first >= last) continue;
    Values part(last - first, 77);
    REQUIRE(decode_column(coding, payload, count, first, part));
    REQUIRE(std::ranges::equal(part, std::span(values).subspan(first, last - first)));
  }
  return payload.size();
}

Values made(std::size_t count, std::function<std::int64_t(std::size_t)> const& value) {
  Values values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(value(i));
  return values;
}

constexpr std::size_t two_hours = 720;             // rows of ten seconds
constexpr std::size_t mini_blocks = 719 / 32 + 1;  // of their steps; one byte each in front
// First value, divisor and base at their longest.
constexpr std::size_t in_front = 20;

TEST_CASE("a column takes the bits that its distribution has") {
  std::mt19937_64 random(3);
  auto const below = [&](std::uint64_t limit) {
    return static_cast<std::int64_t>(random() % limit);
  };
  auto const bytes = [](double bits) {
    return static_cast<std::size_t>(std::ceil(719 * bits / 8)) + mini_blocks + in_front;
  };
  CHECK(column_size(Values(two_hours, -5)) == 1);
  // Noise about a level needs the bits of its range.
  CHECK(column_size(made(two_hours, [&](auto) { return 1'000'000'000'000 + below(1024); })) <=
        bytes(10));
  // A counter needs the bits of its steps' range, however long the steps are.
  std::int64_t sum = 1'000'000'000;
  CHECK(column_size(made(two_hours, [&](auto) { return sum += 5'000'000 + below(256); })) <=
        bytes(8));
  // A clock in microseconds, kept in nanoseconds, needs none for the zeros.
  CHECK(column_size(made(two_hours, [&](auto) { return sum += 1000 * (5'000 + below(256)); })) <=
        bytes(8));
  // So do pages; and the same numbers as doubles need no more.
  CHECK(column_size(made(two_hours, [&](auto) { return 4096 * below(64); })) <= bytes(6));
  CHECK(column_size(made(two_hours, [&](auto) {
          return *real_cell(4096.0 * static_cast<double>(below(64)));
        })) <= bytes(6));
  // A steady step with another one now and then: a patch each, of a place and a few bytes.
  std::size_t patches = 0;
  auto const jumps = made(two_hours, [&](std::size_t i) {
    bool const jump = i % 50 == 7;
    patches += jump ? 1 : 0;
    return sum += jump ? 1'000'000 : 10;
  });
  CHECK(column_size(jumps) <= bytes(0) + patches * 6);
  // What grows evenly faster is foretold by the two before: zigzag of 2 is 4, three bits.
  CHECK(column_size(made(two_hours, [&](std::size_t i) {
          return static_cast<std::int64_t>(i * i) * 1'000'003;
        })) <= bytes(3));
  // Zeros for two hours with one burst.
  CHECK(column_size(made(two_hours, [&](std::size_t i) {
          return i / 10 == 5 ? below(1000) : 0;
        })) <= 10 * 2 + in_front + 12);
}

TEST_CASE("a column gives back whatever it was given") {
  std::mt19937_64 random(4);
  Values const ends{INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN, INT64_MIN + 1, INT64_MAX - 1};
  column_size(ends);
  column_size({INT64_MIN, INT64_MAX});
  column_size({INT64_MIN, 0, INT64_MIN, 0});
  for (int round = 0; round < 3'000; ++round) {
    auto const count = random() % 300 + 1;
    auto const width = random() % 64;
    bool const counter = random() % 2 == 0, rare = random() % 2 == 0, real = random() % 5 == 0;
    auto const unit =
        random() % 3 == 0 ? static_cast<std::int64_t>(random() >> (random() % 60)) : 1;
    Values values;
    std::uint64_t sum = random() >> (random() % 64);
    for (std::size_t i = 0; i < count; ++i) {
      auto step = random() >> width;
      if (rare && random() % 20 == 0) step = random() >> (random() % 64);
      step *= static_cast<std::uint64_t>(unit);
      sum = counter ? sum + step : step;
      values.push_back(real ? *real_cell(std::ldexp(static_cast<double>(sum % 1000), -3))
                            : static_cast<std::int64_t>(sum));
    }
    column_size(values);
  }
}

TEST_CASE("packed integers: widths, patches, runs of zeros, and their ends") {
  std::mt19937_64 random(6);
  for (int round = 0; round < 3'000; ++round) {
    std::vector<std::uint64_t> values(random() % 130 + 1);
    auto const width = random() % 64;
    for (auto& value : values) value = random() % 4 == 0 ? 0 : random() >> width;
    if (random() % 3 == 0) std::fill_n(values.begin(), values.size() * 3 / 4, 0);
    if (random() % 3 == 0) values[random() % values.size()] = ~std::uint64_t{0};
    std::string bytes;
    pack_integers(values, bytes);
    std::vector<std::uint64_t> back(values.size(), 9);
    REQUIRE(unpack_integers(bytes, back));
    REQUIRE(back == values);
    REQUIRE_FALSE(unpack_integers(bytes + '\0', back));
    auto const cut = random() % bytes.size();
    REQUIRE_FALSE(unpack_integers(std::string_view(bytes).substr(0, cut), back));
  }
  std::string none;
  std::vector<std::uint64_t> zeros(720, 0);
  pack_integers(zeros, none);
  CHECK(none.size() == 2);
}

TEST_CASE("a damaged column is refused or harmless") {
  std::mt19937_64 random(8);
  ColumnEncoder encoder;
  Values values(100), back(100);
  for (int round = 0; round < 20'000; ++round) {
    for (auto& value : values) value = static_cast<std::int64_t>(random() >> (round % 64));
    std::string payload;
    auto coding = encoder.encode(values, payload);
    for (auto flips = random() % 4 + 1; flips > 0; --flips)
      payload[random() % payload.size()] = static_cast<char>(random());
    if (random() % 4 == 0) coding = static_cast<std::uint8_t>(random());
    back.resize(random() % 120 + 1);
    static_cast<void>(decode_column(coding, payload, back));
    auto const rows = back.size() + random() % 20;
    static_cast<void>(
        decode_column(coding, payload, rows, random() % 21 % (rows - back.size() + 1), back));
  }
}

}  // namespace
}  // namespace dadvisor::aggregator::store
