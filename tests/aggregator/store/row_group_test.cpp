// Groups of rows as files hold them: what was put in comes out, of few columns and of many, and
// damage costs what it hits.

#include "aggregator/store/row_group.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "aggregator/store/checked_bytes.hpp"
#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/spill_writer.hpp"
#include "simulated_disk.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::store;

namespace {

using Written = std::map<EntityId, Rows>;

// Entities with any columns; most of them have the ticks of the one before.
Written some_rows(std::mt19937_64& random, EntityId entities) {
  Written all;
  std::vector<TickNs> ticks;
  for (EntityId id = 1; id <= entities; ++id) {
    if (ticks.empty() || random() % 4 == 0) {
      ticks.assign(random() % 40 + 1, 0);
      TickNs tick = 1'700'000'000'000'000'000;
      for (TickNs& one : ticks)
        one = tick += static_cast<TickNs>(random() % 3 + 1) * 10'000'000'000;
    }
    std::vector<MetricId> columns;
    for (MetricId column = 1; column <= 30; ++column)
      if (random() % 3 != 0) columns.push_back(column);
    Rows rows(columns);
    for (std::size_t row = 0; row < ticks.size(); ++row) {
      rows.insert(row, ticks[row]);
      for (std::size_t place = 0; place < columns.size(); ++place)
        if (random() % 10 != 0)
          rows.set(row, place, static_cast<std::int64_t>(random()) >> (random() % 64));
    }
    all.emplace(id * 3, std::move(rows));
  }
  return all;
}

std::string spill_of(SimulatedDisk& disk, Written const& all, bool compress = false) {
  SpillInfo info;
  info.number = 1;
  SpillWriter writer(disk, "/spill", info, compress);
  REQUIRE(writer.begin());
  for (auto const& [id, rows] : all) REQUIRE(writer.add(id, rows));
  auto const name = writer.finish();
  REQUIRE(name);
  return "/spill/" + *name;
}

Cell cell_of(Rows const& rows, std::size_t row, MetricId column) {
  auto const found = std::ranges::lower_bound(rows.columns(), column);
  if (found == rows.columns().end() || *found != column) return std::nullopt;
  auto const place = static_cast<std::size_t>(found - rows.columns().begin());
  return rows.has(row, place) ? Cell(rows.value(row, place)) : Cell();
}

// Whether all of what was selected is what was written.
bool is_part(SelectedRows const& selected, std::span<MetricId const> columns, Rows const& rows) {
  for (std::size_t i = 0; i < selected.ticks.size(); ++i) {
    auto const row = rows.find(selected.ticks[i]);
    if (row == rows.size() || rows.ticks()[row] != selected.ticks[i]) return false;
    for (std::size_t place = 0; place < columns.size(); ++place)
      if (selected.columns[place].cell(i) != cell_of(rows, row, columns[place])) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("what entities of any columns have is read of few columns, of many and of all alike") {
  std::mt19937_64 random(3);
  SimulatedDisk disk;
  auto const all = some_rows(random, 200);
  auto const file = SpillFile::open(disk, spill_of(disk, all));
  REQUIRE(file);
  for (std::size_t const width : {std::size_t{1}, std::size_t{3}, std::size_t{20}}) {
    std::vector<MetricId> columns;
    for (std::size_t i = 0; i < width; ++i)
      columns.push_back(static_cast<MetricId>(random() % 32 + 1));
    SpillCursor kept, forgetful(0);
    for (auto const& [id, rows] : all) {
      TickNs const from = rows.ticks()[random() % rows.size()];
      auto const expected = static_cast<std::size_t>(
          std::ranges::count_if(rows.ticks(), [&](TickNs tick) { return tick >= from; }));
      for (SpillCursor* const cursor : {&kept, &forgetful}) {
        SelectedRows out;
        REQUIRE((*file)->select(id, Selection(columns), from, INT64_MAX, out, *cursor));
        REQUIRE(out.ticks.size() == expected);
        REQUIRE(is_part(out, columns, rows));
      }
    }
  }
  SpillCursor cursor;
  std::uint64_t damaged = 0;
  for (auto const& [id, rows] : all) {
    ColumnTable table;
    REQUIRE((*file)->append(id, table, damaged, cursor));
    Rows const back = rows_of(table);
    REQUIRE(back.ticks() == rows.ticks());
    for (std::size_t row = 0; row < rows.size(); ++row)
      for (MetricId column = 1; column <= 31; ++column)
        REQUIRE(cell_of(back, row, column) == cell_of(rows, row, column));
  }
  CHECK(damaged == 0);
  auto const ids = (*file)->entities(damaged);
  REQUIRE(ids);
  CHECK(ids->size() == all.size());
}

TEST_CASE("entities are found in any order, also those whose rows lie in several groups") {
  std::mt19937_64 random(9);
  SimulatedDisk disk;
  Written all;
  for (EntityId id = 1; id <= 300; ++id) {
    Rows rows({MetricId{1}, MetricId{2}});
    // One in eight has rows of three blocks; a group ends behind 24 blocks.
    std::size_t const count = random() % 8 == 0 ? 2 * block_rows + 1 : 3;
    for (std::size_t row = 0; row < count; ++row) {
      rows.insert(row, static_cast<TickNs>(row) * 1000);
      rows.set(row, 0, id);
      rows.set(row, 1, static_cast<std::int64_t>(row));
    }
    all.emplace(id + id / 7, std::move(rows));  // some numbers are nobody's
  }
  auto const file = SpillFile::open(disk, spill_of(disk, all));
  REQUIRE(file);
  std::vector<EntityId> order;
  for (EntityId id = 0; id <= all.rbegin()->first + 10; ++id) order.insert(order.end(), 2, id);
  std::ranges::shuffle(order, random);
  std::array const columns{MetricId{1}, MetricId{2}};
  SpillCursor kept, forgetful(0);
  std::uint64_t damaged = 0;
  for (EntityId const id : order) {
    auto const known = all.find(id);
    for (SpillCursor* const cursor : {&kept, &forgetful}) {
      SelectedRows out;
      REQUIRE((*file)->select(id, Selection(columns), INT64_MIN, INT64_MAX, out, *cursor));
      REQUIRE(out.ticks.size() == (known == all.end() ? 0 : known->second.size()));
      if (known != all.end()) REQUIRE(is_part(out, columns, known->second));
    }
    ColumnTable table;
    REQUIRE((*file)->append(id, table, damaged, forgetful));
    REQUIRE(table.ticks.size() == (known == all.end() ? 0 : known->second.size()));
  }
  CHECK(damaged == 0);
}

TEST_CASE("a directory that a query has read is read no more, a check reads it") {
  std::mt19937_64 random(13);
  SimulatedDisk disk;
  auto const all = some_rows(random, 60);
  auto const path = spill_of(disk, all);
  auto const file = SpillFile::open(disk, path);
  REQUIRE(file);
  std::array const columns{MetricId{2}};
  auto const select = [&](EntityId id, SelectedRows& out) {
    SpillCursor cursor;
    return (*file)->select(id, Selection(columns), INT64_MIN, INT64_MAX, out, cursor).has_value();
  };
  auto const check = [&] {
    std::vector<SpillEntry> damaged;
    (*file)->check(
        false, [](SpillFile::Block const&) {},
        [&](std::optional<SpillEntry> const& entry, std::string const&) {
          REQUIRE(entry);
          damaged.push_back(*entry);
        });
    return damaged;
  };
  auto const asked = all.begin()->first;
  SelectedRows first;
  REQUIRE(select(asked, first));
  // All that is no chunk, from each group's directory to its end.
  std::vector<SpillEntry> groups;
  std::uint64_t index = 0;
  auto& bytes = disk.bytes(path);
  std::memcpy(&index, bytes.data() + bytes.size() - 8 - 4 - 2 * 8, sizeof index);
  for (std::size_t at = index; at + spill_entry_bytes < bytes.size() - spill_footer_bytes;
       at += spill_entry_bytes) {
    SpillEntry entry;
    std::memcpy(&entry.chunk_bytes, bytes.data() + at + 8, 4);
    std::memcpy(&entry.directory_bytes, bytes.data() + at + 12, 4);
    std::memcpy(&entry.offset, bytes.data() + at + 16, 8);
    groups.push_back(entry);
  }
  REQUIRE(groups.size() == 3);  // of 24, 24 and 12 entities
  REQUIRE(check().empty());
  for (SpillEntry const& group : groups) bytes[group.offset + group.chunk_bytes] ^= 1;
  SelectedRows again, other;
  CHECK(select(asked, again));
  CHECK(std::ranges::equal(again.ticks.list(), first.ticks.list()));
  CHECK_FALSE(select(all.rbegin()->first, other));
  CHECK(other.ticks.empty());
  CHECK(check().size() == groups.size());
}

TEST_CASE("a flipped byte in a group is never a value, and costs no other group") {
  std::mt19937_64 random(5);
  SimulatedDisk disk;
  auto const all = some_rows(random, 60);
  auto const path = spill_of(disk, all, GENERATE(false, true));
  auto const sound = disk.bytes(path);
  std::array const columns{MetricId{2}, MetricId{9}};
  auto const select = [&](SpillFile const& file, EntityId id, SelectedRows& out) {
    SpillCursor cursor;
    return file.select(id, Selection(columns), INT64_MIN, INT64_MAX, out, cursor);
  };
  std::uint64_t index = 0;
  std::memcpy(&index, sound.data() + sound.size() - 8 - 4 - 2 * 8, sizeof index);
  std::set<std::uint64_t> groups;
  std::size_t lost = 0;
  for (int round = 0; round < 400; ++round) {
    disk.bytes(path) = sound;
    // The groups are what is between the head and the index, of which the footer tells.
    auto const place = 8 + random() % (index - 8);
    disk.bytes(path)[place] = static_cast<char>(disk.bytes(path)[place] ^ (1 << random() % 8));
    auto const file = SpillFile::open(disk, path);
    REQUIRE(file);
    std::vector<SpillEntry> hit;
    (*file)->check(
        true, [](SpillFile::Block const&) {},
        [&](std::optional<SpillEntry> const& entry, std::string const&) {
          REQUIRE(entry);
          hit.push_back(*entry);
        });
    REQUIRE(hit.size() == 1);
    groups.insert(hit[0].offset);
    bool any = false;
    for (auto const& [id, rows] : all) {
      SelectedRows out;
      bool const whole = select(**file, id, out).has_value();
      REQUIRE(is_part(out, columns, rows));
      REQUIRE(out.ticks.size() == (whole ? rows.size() : 0));
      if (!whole) REQUIRE((hit[0].first_entity <= id && id <= hit[0].last_entity));
      any = any || !whole;
    }
    lost += any ? 1 : 0;
  }
  CHECK(groups.size() > 1);
  CHECK(lost > 0);
  CHECK(lost < 200);  // most of the bytes are those of other columns
}

// Counters that rise by what some tasks of the same kind do in turn: rests of few kinds, over and
// over, of which zstd makes less than bit-packing does.
Written alike_rows() {
  Written all;
  for (EntityId id = 1; id <= 30; ++id) {
    Rows rows(std::vector<MetricId>{2, 9});
    std::int64_t counter = id;
    for (std::size_t row = 0; row < 120; ++row) {
      rows.insert(row, static_cast<TickNs>(row + 1) * 60'000'000'000);
      counter += static_cast<std::int64_t>(row % 12) * 1'000'003 % 4093;
      rows.set(row, 0, counter);
      rows.set(row, 1, static_cast<std::int64_t>(row * row % 251));
    }
    all.emplace(id, std::move(rows));
  }
  return all;
}

TEST_CASE("compressed chunks are fewer bytes and say the same") {
  SimulatedDisk disk;
  auto const all = alike_rows();
  auto const plain = disk.bytes(spill_of(disk, all)).size();
  auto const path = spill_of(disk, all, true);
  CHECK(disk.bytes(path).size() < plain / 2);
  auto const file = SpillFile::open(disk, path);
  REQUIRE(file);
  std::array const columns{MetricId{2}, MetricId{9}, MetricId{10}};
  SpillCursor few, whole;
  std::uint64_t damaged = 0;
  for (auto const& [id, rows] : all) {
    SelectedRows out;
    REQUIRE((*file)->select(id, Selection(columns), INT64_MIN, INT64_MAX, out, few));
    REQUIRE(out.ticks.size() == rows.size());
    REQUIRE(is_part(out, columns, rows));
    ColumnTable table;
    REQUIRE((*file)->append(id, table, damaged, whole));
    REQUIRE(rows_of(table).ticks() == rows.ticks());
    for (std::size_t row = 0; row < rows.size(); ++row)
      REQUIRE(cell_of(rows_of(table), row, 9) == cell_of(rows, row, 9));
  }
  CHECK(damaged == 0);
}

TEST_CASE("only a whole frame of the length that is told is decompressed") {
  ChunkCompressor compressor;
  ChunkDecompressor decompressor;
  std::string frame, chunk(1000, 'x');
  CHECK_FALSE(compressor.compress("short", frame));
  std::string noise(1000, 0);
  std::mt19937_64 random(3);
  for (char& byte : noise) byte = static_cast<char>(random());
  CHECK_FALSE(compressor.compress(noise, frame));
  CHECK(frame.empty());
  REQUIRE(compressor.compress(chunk, frame));
  std::string out(1000, 0);
  CHECK(decompressor.decompress(frame, out));
  CHECK(out == chunk);
  for (std::size_t size = 0; size < frame.size(); ++size)
    CHECK_FALSE(decompressor.decompress(std::string_view(frame).substr(0, size), out));
  for (std::size_t const other : {0, 999, 1001}) {
    out.resize(other);
    CHECK_FALSE(decompressor.decompress(frame, out));
  }
}

TEST_CASE("a directory that is cut anywhere or is noise is refused or harmless") {
  std::mt19937_64 random(7);
  RowGroupWriter writer;
  for (auto const& [id, rows] : some_rows(random, 8)) writer.add(id, rows, 0, rows.size());
  std::string bytes;
  auto const chunks = writer.finish(bytes);
  CHECK(writer.empty());
  auto const directory = std::string_view(bytes).substr(chunks, bytes.size() - chunks - crc_bytes);
  REQUIRE(RowGroup::read(directory, chunks));
  CHECK_FALSE(RowGroup::read(directory, chunks + 1));
  for (std::size_t size = 0; size < directory.size(); ++size)
    CHECK_FALSE(RowGroup::read(directory.substr(0, size), chunks));
  for (int round = 0; round < 5'000; ++round) {
    std::string noisy(directory);
    noisy[random() % noisy.size()] = static_cast<char>(random());
    auto const read = RowGroup::read(noisy, chunks);
    if (!read) continue;
    for (RowGroup::Block const& block : read->blocks()) {
      std::vector<TickNs> ticks;
      read->ticks(block).append_to(ticks, 0, block.rows);
      REQUIRE(std::ranges::is_sorted(ticks));
    }
    for (RowGroup::Chunk const& chunk : read->chunks())
      REQUIRE(chunk.offset + chunk.length + crc_bytes <= chunks);
  }
}
