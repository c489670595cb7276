// The formats on disk: round trips, golden bytes, and truncation at every byte.

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <sstream>

#include "aggregator/store/block.hpp"
#include "aggregator/store/log_record.hpp"
#include "aggregator/store/open_rows.hpp"
#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/spill_writer.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

// Rows with a constant, a counter, a real gauge, a sparse column and one without any value.
Rows sample_rows() {
  Rows rows({1, 2, 20, 300, 1025});
  std::int64_t counter = 1'000'000'000'000;
  for (std::size_t i = 0; i < 20; ++i) {
    rows.insert(i, tick_ns(at(static_cast<int>(i) * 10 + (i > 10 ? 30 : 0))));
    rows.set(i, 0, counter += static_cast<std::int64_t>(i * i));
    rows.set(i, 1, -7);
    if (i % 3 == 1) rows.set(i, 2, i % 2 == 0 ? 5 : -500'000);
    rows.set(i, 4, *real_cell(0.25 * static_cast<double>(i % 5)));
  }
  return rows;
}

bool same(Rows const& a, Rows const& b) {  // a may have columns without any value
  if (a.ticks() != b.ticks()) return false;
  for (std::size_t row = 0; row < a.size(); ++row)
    for (std::size_t column = 0; column < a.columns().size(); ++column) {
      auto const found = std::find(b.columns().begin(), b.columns().end(), a.columns()[column]);
      bool const has = found != b.columns().end() &&
                       b.has(row, static_cast<std::size_t>(found - b.columns().begin()));
      if (has != a.has(row, column)) return false;
      if (has && a.value(row, column) !=
                     b.value(row, static_cast<std::size_t>(found - b.columns().begin())))
        return false;
    }
  return true;
}

TEST_CASE("a block gives back its rows, whatever their values") {
  std::string bytes;
  encode_block(sample_rows(), 0, 20, bytes);
  auto rows = decode_block(bytes);
  REQUIRE(rows);
  CHECK(same(sample_rows(), *rows));
  CHECK(rows->columns() == std::vector<MetricId>{1, 2, 20, 1025});
  CHECK(bytes.size() < 180);  // raw: 20 x (4 x 8 + 8)

  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<MetricId> columns;
    for (MetricId id = 1; id < 130; ++id)
      if (random() % 3 == 0) columns.push_back(id);
    Rows wild(columns);
    auto const count = random() % 30 + 1;
    std::int64_t tick = static_cast<std::int64_t>(random());
    tick /= 4;
    for (std::size_t row = 0; row < count; ++row) {
      wild.insert(row, tick += static_cast<std::int64_t>(random() % 1'000'000'000));
      for (std::size_t column = 0; column < columns.size(); ++column)
        if (random() % 4 != 0)
          wild.set(row, column, static_cast<std::int64_t>(random()) >> (random() % 64));
    }
    std::string encoded;
    encode_block(wild, 0, count, encoded);
    auto decoded = decode_block(encoded);
    REQUIRE(decoded);
    REQUIRE(same(wild, *decoded));
  }
}

TEST_CASE("doubles that are whole numbers take the room of those, and come back bit by bit") {
  auto const size_of = [](std::vector<double> const& values) {
    Rows rows(std::vector<MetricId>{1});
    for (std::size_t i = 0; i < values.size(); ++i) {
      rows.insert(i, static_cast<TickNs>(i) * 1000);
      rows.set(i, 0, *real_cell(values[i]));
    }
    std::string bytes;
    encode_block(rows, 0, values.size(), bytes);
    auto const decoded = decode_block(bytes);
    REQUIRE(decoded);
    CHECK(same(rows, *decoded));
    return bytes.size();
  };
  std::vector<double> counts, bounds{9007199254740991.0, -9007199254740991.0, 0},
      others{9007199254740992.0, -0.0, 1, 1e300, INFINITY, NAN};
  for (int i = 0; i < 100; ++i) counts.push_back(5e9 + (i * 37) % 50);
  CHECK(size_of(counts) <= 2 * 100 + 15);  // a byte for each tick and for each difference
  size_of(bounds);
  size_of(others);
  counts.push_back(0.5);
  size_of(counts);
}

TEST_CASE("a block that is cut anywhere, or is noise, is refused or harmless") {
  std::string bytes;
  encode_block(sample_rows(), 0, 20, bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_block(std::string_view(bytes).substr(0, size)));
  std::mt19937_64 random(9);
  MetricId const columns[] = {1, 20};
  for (int round = 0; round < 20'000; ++round) {
    auto noisy = bytes;
    for (auto flips = random() % 4 + 1; flips > 0; --flips)
      noisy[random() % noisy.size()] = static_cast<char>(random());
    SelectedRows out;
    static_cast<void>(decode_block(noisy));
    if (!select_block(noisy, Selection(columns), INT64_MIN, INT64_MAX, out))
      REQUIRE(out.ticks.empty());
  }
}

std::string golden(char const* name, std::string const& bytes) {
  auto const path = std::string(DADVISOR_FIXTURES) + "/store/" + name;
  if (::getenv("DADVISOR_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << bytes;
  std::ifstream file(path, std::ios::binary);
  return (std::stringstream() << file.rdbuf()).str();
}

std::string spill_bytes() {
  SimulatedDisk disk;
  SpillInfo info;
  info.store_id = 0x1122334455667788;
  info.number = 17;
  info.log_number = 4;
  info.boundary = tick_ns(at(600)) - 1;
  info.created = tick_ns(at(800));
  SpillWriter writer(disk, "/spill", info);
  REQUIRE(writer.begin());
  REQUIRE(writer.add(3, sample_rows()));
  Rows one(std::vector<MetricId>{2});
  one.insert(0, tick_ns(at(5)));
  one.set(0, 0, 42);
  REQUIRE(writer.add(9, one));
  auto const name = writer.finish();
  REQUIRE(name);
  CHECK(*name == "1700000040-1700000260-17.rows");
  return disk.bytes("/spill/" + *name);
}

TEST_CASE("log records and spills are written as ever") {
  std::string log;
  append_record(log, "a frame", 0);
  append_record(log, std::string(300, 'x'), 27);
  CHECK(golden("two_records.log", log) == log);
  auto const spill = spill_bytes();
  CHECK(golden("two_entities.rows", spill) == spill);
}

TEST_CASE("a spill finds the rows of each entity, and one that is cut anywhere is refused") {
  SimulatedDisk disk;
  auto const bytes = spill_bytes();
  auto const open = [&](std::string const& content) {
    auto file = disk.create("/s");
    REQUIRE(file);
    REQUIRE((*file)->append(content));
    return SpillFile::open(disk, "/s");
  };
  auto spill = open(bytes);
  REQUIRE(spill);
  CHECK((*spill)->info().log_number == 4);
  CHECK((*spill)->overlaps(tick_ns(at(220)), tick_ns(at(300))));
  CHECK_FALSE((*spill)->overlaps(tick_ns(at(221)), tick_ns(at(300))));
  MetricId const columns[] = {2};
  SelectedRows out;
  SpillCursor cursor;
  CHECK((*spill)->select(9, Selection(columns), 0, INT64_MAX, out, cursor));
  REQUIRE(out.columns.size() == 1);
  CHECK(out.columns[0].values == UnfilledVector<std::int64_t>{42});
  CHECK(out.columns[0].has.empty());
  CHECK((*spill)->select(4, Selection(columns), 0, INT64_MAX, out, cursor));
  CHECK(out.ticks.size() == 1);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(open(bytes.substr(0, size)));
}

TEST_CASE("entities on many index pages, with many blocks, are all found") {
  SimulatedDisk disk;
  SpillWriter writer(disk, "/spill", SpillInfo{});
  REQUIRE(writer.begin());
  auto const rows_of = [](EntityId id) { return id % 100 == 50 ? block_rows * 150 : id % 3 + 1; };
  for (EntityId id = 1; id <= 500; ++id) {
    Rows rows(std::vector<MetricId>{7});
    for (std::size_t row = 0; row < rows_of(id); ++row) {
      rows.insert(row, static_cast<TickNs>(row) * 1000);
      rows.set(row, 0, static_cast<std::int64_t>(id * 7 + row));
    }
    REQUIRE(writer.add(id * 2, rows));
  }
  auto const name = writer.finish();
  REQUIRE(name);
  auto const spill = SpillFile::open(disk, "/spill/" + *name);
  REQUIRE(spill);
  MetricId const columns[] = {7};
  SelectedRows out;
  SpillCursor cursor;
  for (EntityId id = 1; id <= 500; ++id) {
    out.clear();
    REQUIRE((*spill)->select(id * 2, Selection(columns), INT64_MIN, INT64_MAX, out, cursor));
    REQUIRE(out.ticks.size() == rows_of(id));
    REQUIRE(out.columns[0].cell(rows_of(id) - 1) ==
            Cell(static_cast<std::int64_t>(id * 7 + rows_of(id) - 1)));
    out.clear();
    REQUIRE((*spill)->select(id * 2 + 1, Selection(columns), INT64_MIN, INT64_MAX, out, cursor));
    REQUIRE(out.ticks.empty());
  }
}

// Which cells select_block() should give.
std::vector<std::vector<Cell>> cells_of(Rows const& rows, std::span<MetricId const> columns,
                                        TickNs from, TickNs until) {
  std::vector<std::vector<Cell>> cells;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (rows.ticks()[row] < from || rows.ticks()[row] > until) continue;
    auto& its = cells.emplace_back();
    for (MetricId const column : columns) {
      auto const at = std::ranges::find(rows.columns(), column);
      auto const place = static_cast<std::size_t>(at - rows.columns().begin());
      its.push_back(at != rows.columns().end() && rows.has(row, place)
                        ? Cell(rows.value(row, place))
                        : Cell());
    }
  }
  return cells;
}

OpenRows open_rows(Rows const& rows) {
  return OpenRows(std::make_shared<std::vector<MetricId> const>(rows.columns()), rows);
}

TEST_CASE("any columns of any rows are selected, block behind block") {
  std::mt19937_64 random(4);
  SelectedRows out;
  for (int round = 0; round < 300; ++round) {
    // Columns that are whole, that have holes and that are not there, also in another block.
    std::vector<MetricId> columns;
    for (auto count = random() % 4 + 1; count > 0; --count)
      columns.push_back(static_cast<MetricId>(random() % 8));
    Selection const selection(columns);
    out.clear();
    std::vector<std::vector<Cell>> expected;
    TickNs tick = 0;
    for (int block = 0; block < 3; ++block) {
      std::vector<MetricId> held;
      for (MetricId column = 0; column < 8; ++column)
        if (random() % 3 > 0) held.push_back(column);
      Rows rows(held);
      auto const holes = random() % 3;  // none, some, all of a column
      for (std::size_t row = 0; row < 40; ++row) {
        rows.insert(row, tick += 1 + static_cast<TickNs>(random() % 2));
        for (std::size_t column = 0; column < held.size(); ++column)
          if (holes == 0 || random() % 4 > column % 3)
            rows.set(row, column, static_cast<std::int64_t>(random() % 1000));
      }
      auto const from = rows.ticks()[random() % 20], until = rows.ticks()[20 + random() % 20];
      if (block == 2) {
        open_rows(rows).select(selection, from, until, out);
      } else {
        std::string bytes;
        encode_block(rows, 0, rows.size(), bytes);
        REQUIRE(select_block(bytes, selection, from, until, out));
      }
      std::ranges::move(cells_of(rows, columns, from, until), std::back_inserter(expected));
    }
    REQUIRE(out.ticks.size() == expected.size());
    for (std::size_t row = 0; row < expected.size(); ++row)
      for (std::size_t place = 0; place < columns.size(); ++place)
        REQUIRE(out.columns[place].cell(row) == expected[row][place]);
  }
}

TEST_CASE("of rows of one tick the first, the newest, or each cell's newest counts") {
  MetricId const columns[] = {1, 2};
  auto const table = [](TickNs tick, Cell one, Cell two) {
    Rows rows(std::vector<MetricId>{1, 2});
    rows.insert(0, tick);
    if (one) rows.set(0, 0, *one);
    if (two) rows.set(0, 1, *two);
    return rows;
  };
  auto const settled = [&](OfOneTick of_one_tick) {
    SelectedRows out;
    for (Rows const& rows :
         {table(20, 1, Cell()), table(10, 2, 3), table(20, 4, 5), table(20, Cell(), 6)})
      open_rows(rows).select(Selection(columns), 0, 100, out);
    out.settle(of_one_tick);
    REQUIRE(std::ranges::equal(out.ticks.list(), std::vector<TickNs>{10, 20}));
    CHECK(out.columns[0].cell(0) == Cell(2));
    return std::pair(out.columns[0].cell(1), out.columns[1].cell(1));
  };
  CHECK(settled(OfOneTick::first) == std::pair(Cell(1), Cell()));
  CHECK(settled(OfOneTick::newest) == std::pair(Cell(), Cell(6)));
  CHECK(settled(OfOneTick::cells) == std::pair(Cell(4), Cell(6)));
}

TEST_CASE("rows that are taken out go from each column, from whole ones and those with holes") {
  MetricId const columns[] = {1, 2};
  Rows rows(std::vector<MetricId>{1, 2});
  for (std::size_t row = 0; row < 6; ++row) {
    rows.insert(row, static_cast<TickNs>(10 * row));
    rows.set(row, 0, static_cast<std::int64_t>(row));
    if (row % 2 == 1) rows.set(row, 1, static_cast<std::int64_t>(100 + row));
  }
  std::string bytes;
  encode_block(rows, 0, rows.size(), bytes);
  SelectedRows out;
  REQUIRE(select_block(bytes, Selection(columns), 0, 100, out));
  auto const whole = out.columns[0].has;
  out.erase_ticks([](TickNs) { return false; });
  CHECK(out.ticks.size() == 6);
  out.erase_ticks([](TickNs tick) { return tick == 0 || tick == 20 || tick == 30; });
  REQUIRE(std::ranges::equal(out.ticks.list(), std::vector<TickNs>{10, 40, 50}));
  CHECK(whole.empty());
  CHECK(out.columns[0].has.empty());
  CHECK(out.columns[0].values == UnfilledVector<std::int64_t>{1, 4, 5});
  CHECK(out.columns[1].has == std::vector<std::uint8_t>{1, 0, 1});
  CHECK(out.columns[1].cell(0) == Cell(101));
  CHECK(out.columns[1].cell(2) == Cell(105));
  out.erase_ticks([](TickNs) { return true; });
  CHECK(out.ticks.empty());
  CHECK(out.columns[0].values.empty());
  CHECK(out.columns[1].values.empty());
  CHECK(out.columns[1].has.empty());
}

}  // namespace
}  // namespace dadvisor::aggregator::store
