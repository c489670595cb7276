#include "aggregator/store/open_steps.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <random>

using namespace dadvisor::aggregator::store;

namespace {

using Row = std::vector<std::int64_t>;

// As open rows do it: each step in its column's shape, and all anew where one does not fit.
void add(OpenSteps& steps, Row const& row) {
  std::uint8_t* out = steps.add_row();
  bool fits = true;
  for (std::size_t column = 0; column < row.size(); ++column) {
    auto const shape = OpenSteps::Shape::of(steps.shapes()[column]);
    auto const bits = shape.folded(row[column]);
    fits = fits && shape.fits(row[column]);
    std::memcpy(out, &bits, sizeof bits);
    out += shape.bytes;
  }
  if (!fits) steps.widen_newest(row);
}

// Whether each row and each column says the same as `rows`.
void compare(OpenSteps const& steps, std::deque<Row> const& rows) {
  REQUIRE(steps.rows() == rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Row sums(steps.columns(), 0);
    steps.add_row_to(row, sums);
    REQUIRE(sums == rows[row]);
  }
  for (std::size_t number = 0; number < steps.columns(); ++number) {
    auto const column = steps.column(number);
    for (std::size_t row = 0; row < rows.size(); ++row) REQUIRE(column[row] == rows[row][number]);
    std::size_t const first = rows.size() / 3;
    std::size_t left = rows.size();
    std::uint64_t sum = 5;
    auto const last = column.values_back(first, left, 5, [&](std::size_t row, std::int64_t value) {
      REQUIRE(row == --left);
      sum += static_cast<std::uint64_t>(rows[row][number]);
      REQUIRE(value == static_cast<std::int64_t>(sum));
    });
    REQUIRE(left == first);
    REQUIRE(last == static_cast<std::int64_t>(sum));
  }
}

unsigned bytes_of_a_row(OpenSteps const& steps) {
  unsigned sum = 0;
  for (std::size_t column = 0; column < steps.columns(); ++column)
    sum += OpenSteps::Shape::of(steps.shapes()[column]).bytes;
  return sum;
}

}  // namespace

TEST_CASE("steps are what was put in, in strips and out of them, whatever leaves at either end") {
  std::size_t const width = GENERATE(1u, 7u, 8u, 43u, 130u);
  INFO("columns " << width);
  std::mt19937_64 random(width);
  OpenSteps steps(width);
  std::deque<Row> rows;
  for (int round = 0; round < 600; ++round) {
    Row row(width, 0);
    for (std::int64_t& step : row)
      if (random() % 4 != 0)
        step = static_cast<std::int64_t>(random() >> (random() % 64))
               << (random() % 32 == 0 ? random() % 64 : 0);
    // Mostly small ones, or all columns would have all bytes soon.
    if (round % 16 != 0)
      for (std::int64_t& step : row) step %= 100;
    switch (random() % 8) {
      case 0:
        for (auto gone = std::min<std::size_t>(random() % 12, rows.size()); gone > 0; --gone) {
          steps.drop_newest();
          rows.pop_back();
        }
        break;
      case 1: {
        auto const gone = random() % 8 == 0 ? random() % (rows.size() + 1) : 0;
        steps.drop_oldest(gone);
        rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(gone));
        break;
      }
      default:
        add(steps, row);
        rows.push_back(row);
    }
    if (round % 8 == 0) compare(steps, rows);
  }
  compare(steps, rows);
}

TEST_CASE("what steps were wide is forgotten with them") {
  OpenSteps steps(3);
  add(steps, {1, 0, 1 << 20});  // of zigzags of one, no and three bytes, of which two are 0
  add(steps, {-3, 0, 5 << 20});
  REQUIRE(bytes_of_a_row(steps) == 2);
  add(steps, {300, 7, 1});  // of two and one; and with a 1 among them the others have all three
  REQUIRE(bytes_of_a_row(steps) == 6);
  for (int row = 0; row < 9; ++row) add(steps, {2, 0, 3 << 16});
  steps.drop_oldest(3);  // what goes counts for the last time
  REQUIRE(bytes_of_a_row(steps) == 6);
  steps.drop_oldest(1);
  REQUIRE(bytes_of_a_row(steps) == 2);
  compare(steps, std::deque<Row>(8, Row{2, 0, 3 << 16}));
}
