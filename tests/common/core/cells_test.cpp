#include "common/core/cells.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

using namespace dadvisor;

namespace {

// By cell, by part and as a range they are these.
void compare(Cells const& cells, std::vector<Cell> const& plain) {
  REQUIRE(cells.size() == plain.size());
  REQUIRE(std::vector<Cell>(cells.begin(), cells.end()) == plain);
  std::size_t at = 0, there = 0;
  for (std::size_t part = 0; part < cells.parts(); ++part) {
    std::size_t place = 0;
    for (auto const value : cells.values(part)) {
      bool const present = ((cells.present(part) >> place++) & 1) != 0;
      REQUIRE(cells[at] == plain[at]);
      REQUIRE(present == plain[at].has_value());
      REQUIRE(value == plain[at].value_or(0));
      there += present;
      ++at;
    }
    bool const beyond = place < 64 && cells.present(part) >> place != 0;
    REQUIRE_FALSE(beyond);
  }
  REQUIRE(at == plain.size());
  REQUIRE(cells.count() == there);
  REQUIRE(cells == Cells(plain));
}

}  // namespace

TEST_CASE("cells are what was set, of any number and in any order of changes") {
  std::mt19937_64 random(4711);
  for (std::size_t const size : {0u, 1u, 63u, 64u, 65u, 128u, 129u, 400u}) {
    INFO(size << " cells");
    Cells cells(size);
    std::vector<Cell> plain(size);
    compare(cells, plain);
    for (int round = 0; round < 20; ++round) {
      for (std::size_t change = 0; change < size; ++change) {
        std::size_t const at = random() % size;
        Cell const cell = random() % 3 == 0 ? Cell() : Cell(static_cast<std::int64_t>(random()));
        cells.set(at, cell);
        plain[at] = cell;
      }
      compare(cells, plain);
    }
  }
}

TEST_CASE("cells that are added are absent, and those behind a smaller size are gone") {
  Cells cells;
  std::vector<Cell> plain;
  for (std::int64_t i = 0; i < 200; ++i) {
    cells.push_back(i % 5 == 0 ? Cell() : Cell(i));
    plain.push_back(i % 5 == 0 ? Cell() : Cell(i));
    compare(cells, plain);
  }
  for (std::size_t const size : {130u, 128u, 127u, 300u, 64u, 1u, 70u, 0u, 3u}) {
    cells.resize(size);
    plain.resize(size);
    compare(cells, plain);
  }
}

TEST_CASE("a writer's cells stay where they are when the cells are moved") {
  Cells cells(70);
  auto const writer = cells.writer();
  Cells const moved = std::move(cells);
  writer.set(0, std::numeric_limits<std::int64_t>::min());
  writer.set(69, 0);
  writer.set(5, 7);
  writer.clear(5);
  std::vector<Cell> plain(70);
  plain[0] = std::numeric_limits<std::int64_t>::min();
  plain[69] = 0;
  compare(moved, plain);
}

TEST_CASE("a cell that is 0 and one that is absent are not the same") {
  CHECK(Cells{Cell(0)} != Cells{Cell()});
  CHECK(Cells{Cell(0)} != Cells{Cell(0), Cell()});
  CHECK(Cells{real_cell(0.0)} == Cells{Cell(0)});
}
