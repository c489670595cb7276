#include "aggregator/store/open_rows.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <random>

using namespace dadvisor;
using namespace dadvisor::aggregator::store;

namespace {

struct PlainRow {
  TickNs tick = 0;
  std::vector<Cell> cells;
};

OpenRows::Columns columns(std::size_t count) {
  auto made = std::make_shared<std::vector<MetricId>>();
  for (std::size_t i = 0; i < count; ++i) made->push_back(static_cast<MetricId>(3 * i + 1));
  return made;
}

// What an absent cell has for a value is of no account.
void append(OpenRows& rows, PlainRow const& row) {
  std::vector<std::int64_t> values;
  std::vector<std::uint64_t> present((row.cells.size() + 63) / 64, 0);
  for (std::size_t column = 0; column < row.cells.size(); ++column) {
    values.push_back(row.cells[column].value_or(4711));
    present[column / 64] |= std::uint64_t{row.cells[column].has_value()} << (column % 64);
  }
  rows.append(row.tick, values, present);
}

// Whether a query of these columns, over all rows from `from` on but the newest, sees what is
// there.
void compare_selected(OpenRows const& rows, std::deque<PlainRow> const& plain, TickNs from,
                      std::vector<std::size_t> const& wanted) {
  std::vector<MetricId> ids;
  for (std::size_t const column : wanted) ids.push_back((*rows.columns())[column]);
  SelectedRows out;
  rows.select(Selection(ids), from, plain.back().tick - 1, out);
  std::size_t row = 0;
  for (PlainRow const& expected : plain) {
    if (expected.tick < from || expected.tick == plain.back().tick) continue;
    REQUIRE(row < out.ticks.size());
    REQUIRE(out.ticks[row] == expected.tick);
    for (std::size_t place = 0; place < wanted.size(); ++place)
      REQUIRE(out.columns[place].cell(row) == expected.cells[wanted[place]]);
    ++row;
  }
  REQUIRE(row == out.ticks.size());
}

// Whether the rows from `from` on are those of `plain`, and the newest is its last one.
void compare(OpenRows const& rows, std::deque<PlainRow> const& plain, TickNs from) {
  REQUIRE(rows.size() == plain.size());
  Rows const table = rows.table(from);
  std::size_t row = 0;
  for (PlainRow const& expected : plain) {
    if (expected.tick < from) continue;
    REQUIRE(row < table.size());
    REQUIRE(table.ticks()[row] == expected.tick);
    for (std::size_t column = 0; column < expected.cells.size(); ++column) {
      Cell const found =
          table.has(row, column) ? Cell(table.value(row, column)) : std::optional<std::int64_t>();
      REQUIRE(found == expected.cells[column]);
      REQUIRE(table.value(row, column) == found.value_or(0));
    }
    ++row;
  }
  REQUIRE(row == table.size());
  if (plain.empty()) return;
  auto const width = plain.back().cells.size();
  auto const first = plain.size() * 7 % width;  // some column or other
  compare_selected(rows, plain, from, {first});
  if (width > 1) compare_selected(rows, plain, from, {width - 1, first / 2});
  for (std::size_t column = 0; column < plain.back().cells.size(); ++column)
    REQUIRE(rows.newest(column) == plain.back().cells[column]);
}

// Whether the oldest `count` rows as columns are those of the table.
void compare_columns(OpenRows const& rows, std::size_t count, ColumnTable& made) {
  Rows const table = rows.table(0, count);
  bool alike = true;
  for (std::size_t row = 1; row < count; ++row)
    alike = alike && std::ranges::equal(table.present(row), table.present(0));
  REQUIRE(rows.oldest(count, made) == alike);
  if (!alike) return;
  REQUIRE(made.ticks == table.ticks());
  std::size_t next = 0;
  for (std::size_t column = 0; column < table.columns().size(); ++column) {
    if (!table.has(0, column)) continue;
    REQUIRE(next < made.columns.size());
    TableColumn const& its = made.columns[next++];
    REQUIRE(its.id == table.columns()[column]);
    REQUIRE(its.has.empty());
    REQUIRE(its.values.size() == count);
    for (std::size_t row = 0; row < count; ++row)
      REQUIRE(its.values[row] == table.value(row, column));
  }
  REQUIRE(next == made.columns.size());
}

}  // namespace

TEST_CASE("open rows are what was put in, whatever the values and whatever leaves at either end") {
  // Of one word of the bitmap, of whole ones, of one that has a bit more.
  std::size_t const width = GENERATE(1u, 41u, 64u, 65u, 200u);
  INFO("columns " << width);
  std::mt19937_64 random(width);
  std::deque<PlainRow> plain;
  OpenRows rows(columns(width));
  std::vector<Cell> cells(width, Cell(0));
  TickNs tick = 1'800'000'000'000'000'000;
  for (int round = 0; round < 400; ++round) {
    for (Cell& cell : cells) {
      auto const value = cell.value_or(0);
      switch (random() % 8) {
        case 0:
          cell = static_cast<std::int64_t>(random());  // any bits at all
          break;
        case 1:
          cell = std::nullopt;
          break;
        case 2:
          cell = real_cell(static_cast<double>(random() % 100'000) / 8);
          break;
        case 3:  // the ends of the range: steps wrap around
          cell = random() % 2 != 0 ? std::numeric_limits<std::int64_t>::max()
                                   : std::numeric_limits<std::int64_t>::min();
          break;
        case 4:
          cell = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) +
                                           (std::uint64_t{1} << (random() % 64)));
          break;
        default:
          break;  // as it was
      }
    }
    switch (random() % 6) {
      case 0:
        if (plain.empty()) break;
        rows.drop_newest();
        plain.pop_back();
        break;
      case 1: {
        auto const gone = random() % (plain.size() + 1);
        rows.drop_oldest(gone);
        plain.erase(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(gone));
        break;
      }
      default:
        tick += 1 + static_cast<TickNs>(random() % 1'000);
        plain.push_back({tick, cells});
        append(rows, plain.back());
    }
    compare(rows, plain, 0);
    if (!plain.empty()) compare(rows, plain, plain[random() % plain.size()].tick);
  }
}

TEST_CASE("open rows of a table are the table's, absent cells among them") {
  Rows table(*columns(3));
  table.insert(0, 10);
  table.insert(1, 20);
  table.insert(2, 30);
  table.set(0, 0, 7);
  table.set(2, 0, 8);
  table.set(1, 2, -5);
  OpenRows const rows(columns(3), table);
  Rows const again = rows.table();
  REQUIRE(again.ticks() == table.ticks());
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 3; ++column) {
      REQUIRE(again.has(row, column) == table.has(row, column));
      REQUIRE(again.value(row, column) == table.value(row, column));
    }
  REQUIRE(rows.table(31).empty());
  REQUIRE(rows.newest(0) == Cell(8));
  REQUIRE(rows.newest(2) == std::nullopt);
}

TEST_CASE("the oldest open rows as columns are the table's where all have the same cells") {
  std::size_t const width = GENERATE(1u, 41u, 64u, 130u);
  INFO("columns " << width);
  std::mt19937_64 random(width + 1);
  ColumnTable made;  // what it held before is of no account
  for (int round = 0; round < 100; ++round) {
    OpenRows rows(columns(width));
    std::vector<Cell> cells(width);
    auto const size = 1 + random() % 40;
    for (TickNs tick = 1; tick <= static_cast<TickNs>(size); ++tick) {
      // Cells come and go in few of the rows, so that long stretches have the same ones.
      bool const others = tick == 1 || random() % 16 == 0;
      for (Cell& cell : cells) {
        if (others) cell = random() % 3 == 0 ? Cell() : Cell(static_cast<std::int64_t>(random()));
        if (cell && random() % 3 == 0)
          cell = static_cast<std::int64_t>(static_cast<std::uint64_t>(*cell) + random() % 7 - 3);
      }
      append(rows, {tick, cells});
    }
    for (std::size_t count = 1; count <= size; ++count) compare_columns(rows, count, made);
  }
}
