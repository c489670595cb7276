#include "common/core/frame/frame.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <vector>

#include "common/core/fd.hpp"
#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"

using namespace dadvisor;

namespace {

using Random = std::mt19937_64;

std::uint64_t below(Random& random, std::uint64_t limit) { return random() % limit; }

std::int64_t some_value(Random& random) {
  switch (below(random, 4)) {
    case 0:
      return static_cast<std::int64_t>(below(random, 100));
    case 1:
      return -static_cast<std::int64_t>(below(random, 1000000));
    case 2:
      return below(random, 2) == 0 ? std::numeric_limits<std::int64_t>::min()
                                   : std::numeric_limits<std::int64_t>::max();
    default:
      return *real_cell(static_cast<double>(below(random, 1000)) / 7);
  }
}

Entity some_entity(Random& random, std::string const& agent) {
  Entity entity;
  entity.key.kind = below(random, 5) == 0 ? EntityKind::host : EntityKind::container;
  entity.key.host = below(random, 3) == 0 ? "another" : agent;
  if (below(random, 4) != 0)
    entity.key.container_id = std::string(64, 'c') + std::to_string(random());
  entity.key.start_ns = some_value(random);
  char key = 'a';
  LabelsWriter labels;
  for (auto left = below(random, 6); left > 0; --left)
    labels.add(std::string(1, key++), std::string(below(random, 40), '\xff'));
  entity.labels = labels.take();
  return entity;
}

ContainerEvent some_event(Random& random, std::string const& agent) {
  ContainerEvent event;
  event.kind = below(random, 2) == 0 ? ContainerEventKind::exit : ContainerEventKind::oom;
  event.entity = some_entity(random, agent);
  event.time_ns = some_value(random);
  if (below(random, 2) == 0) event.exit_code = some_value(random);
  event.oom_killed = below(random, 2) == 0;
  event.reason = std::string(below(random, 3), 'r');
  return event;
}

std::vector<Loss> some_losses(Random& random) {
  std::vector<Loss> losses;
  for (auto more = below(random, 3); more > 0; --more) {
    Loss loss{static_cast<LossReason>(1 + below(random, 5)),
              WallTime(std::chrono::seconds(below(random, 4000000000))),
              {},
              below(random, 9)};
    loss.last = loss.first + std::chrono::seconds(below(random, 90000));
    losses.push_back(loss);
  }
  return losses;
}

Batch some_batch(Random& random) {
  Batch batch;
  batch.stream = {"host-" + std::to_string(below(random, 9)), random()};
  batch.lane = below(random, 2) == 0 ? Lane::fresh : Lane::backlog;
  batch.sequence = random();
  batch.tick = WallTime(std::chrono::seconds(below(random, 4000000000)));
  batch.step = std::chrono::seconds(1 + below(random, 60));
  for (auto schemas = 1 + below(random, 3); schemas > 0; --schemas) {
    Schema schema;
    for (auto metrics = below(random, 20); metrics > 0; --metrics)
      schema.metrics.push_back(static_cast<MetricId>(random()));
    batch.schemas.push_back(schema);
  }
  std::uint32_t slot = 0;
  for (auto rows = below(random, 12); rows > 0; --rows) {
    slot += static_cast<std::uint32_t>(1 + below(random, 300));
    batch.entities.push_back({slot, some_entity(random, batch.stream.agent)});
    Row row{slot, static_cast<std::uint32_t>(below(random, batch.schemas.size())), {}};
    for (std::size_t i = 0; i < batch.schemas[row.schema].metrics.size(); ++i)
      row.cells.push_back(below(random, 3) == 0 ? Cell() : Cell(some_value(random)));
    batch.rows.push_back(row);
  }
  for (auto events = below(random, 3); events > 0; --events)
    batch.events.push_back(some_event(random, batch.stream.agent));
  batch.losses = some_losses(random);
  return batch;
}

// What a later tick may look like: rows go, come, change life, labels, schema and cells.
Batch some_successor(Batch const& base, Random& random) {
  Batch batch = base;
  batch.sequence += 1 + below(random, 8);
  batch.tick += batch.step;
  batch.entities.edit().clear();
  batch.rows.clear();
  batch.events.clear();
  for (auto events = below(random, 3); events > 0; --events)
    batch.events.push_back(some_event(random, batch.stream.agent));
  batch.losses = some_losses(random);
  for (std::size_t i = 0; i < base.rows.size(); ++i) {
    auto const fate = below(random, 10);
    if (fate == 0) continue;
    auto entry = base.entities[i];
    auto row = base.rows[i];
    if (fate == 1) entry.entity.key.start_ns ^= 1;
    if (fate == 2) entry.entity.labels = {};
    if (fate == 3) {
      row.schema = static_cast<std::uint32_t>(below(random, base.schemas.size()));
      row.cells.resize(base.schemas[row.schema].metrics.size());
    }
    for (std::size_t cell = 0; cell < row.cells.size(); ++cell)
      if (below(random, 2) == 0)
        row.cells.set(cell, below(random, 4) == 0 ? Cell() : Cell(some_value(random)));
    batch.entities.push_back(entry);
    batch.rows.push_back(row);
  }
  std::uint32_t slot = base.rows.empty() ? 0 : base.rows.back().slot + 1;
  for (auto more = below(random, 3); more > 0; --more, ++slot) {
    batch.entities.push_back({slot, some_entity(random, batch.stream.agent)});
    batch.rows.push_back({slot, 0, std::vector(base.schemas[0].metrics.size(), Cell(1))});
  }
  return batch;
}

// The batches of the golden files; their bytes were written by another program, from FORMAT.md.
Batch golden_base() {
  Batch batch;
  batch.stream = {"host-1", 7};
  batch.sequence = 41;
  batch.tick = from_unix_seconds(1700000000);
  batch.step = std::chrono::seconds(10);
  batch.schemas = {{{1, 2, 8}}, {{125, 130}}};
  batch.entities = {
      {0, {{EntityKind::host, "host-1", "", 0}, {{"cluster", "default"}, {"host", "host-1"}}}},
      {3, {{EntityKind::container, "host-1", "abc", 1699999990000000000}, {{"app", "/shop/cart"}}}},
      {4, {{EntityKind::container, "other", "def", -5}, {}}}};
  batch.rows = {{0, 1, {4, real_cell(0.5)}},
                {3, 0, {1000, std::nullopt, -1}},
                {4, 0, {std::nullopt, std::nullopt, std::nullopt}}};
  return batch;
}
Batch golden_next() {
  Batch batch = golden_base();
  batch.sequence = 43;
  batch.tick += batch.step;
  batch.entities.edit().erase(batch.entities.begin() + 2);
  batch.entities.push_back({9, {{EntityKind::container, "host-1", "new", 1}, {}}});
  batch.rows = {{0, 1, {4, real_cell(0.5)}}, {3, 0, {1500, 0, std::nullopt}}, {9, 0, {7, 8, 9}}};
  return batch;
}
// golden_next() with an exit of a life of the base, and an oom of one that never had a row.
Batch golden_events() {
  Batch batch = golden_next();
  batch.events = {
      {ContainerEventKind::exit,
       {{EntityKind::container, "host-1", "abc", 1699999990000000000}, {{"app", "/shop/cart"}}},
       1700000003500000000,
       137,
       true,
       ""},
      {ContainerEventKind::oom,
       {{EntityKind::container, "other", "brief", 1700000001000000000}, {}},
       1700000002000000000,
       std::nullopt,
       false,
       "killed"}};
  return batch;
}

// golden_base() that tells of an hour lost for its size, and of damage some time before.
Batch golden_losses() {
  Batch batch = golden_base();
  batch.losses = {
      {LossReason::full, from_unix_seconds(1699990000), from_unix_seconds(1699993590), 360},
      {LossReason::damaged, from_unix_seconds(-1), from_unix_seconds(-1), 0}};
  return batch;
}

std::string fixture(std::string const& name) {
  auto bytes = read_file(std::string(DADVISOR_FIXTURES) + "/frame/" + name);
  REQUIRE(bytes);
  return *bytes;
}

// A tick of a host with 20 containers of the classes and 40 figures of the wire's budget.
struct Load {
  Random random{1};
  Batch batch;
  Load() {
    batch.stream = {"host-0042.example", 1};
    batch.step = std::chrono::seconds(10);
    batch.tick = from_unix_seconds(1700000000);
    Schema schema;
    for (MetricId id = 1; id <= 40; ++id) schema.metrics.push_back(id);
    batch.schemas = {schema};
    for (std::uint32_t slot = 0; slot < 20; ++slot) {
      Entity entity{{EntityKind::container, "host-0042.example", std::string(64, 'f'), 1}, {}};
      entity.labels = {{"app", "/shop/cart"}, {"image", "registry/shop:1.2"}, {"owner", "team"}};
      batch.entities.push_back({slot, entity});
      Row row{slot, 0, {}};
      for (int i = 0; i < 40; ++i)
        row.cells.push_back(i >= 36 ? Cell()
                                    : Cell(static_cast<std::int64_t>(below(random, 1u << 30))));
      batch.rows.push_back(row);
    }
  }
  void tick() {
    ++batch.sequence;
    batch.tick += batch.step;
    for (auto& row : batch.rows) {
      bool const idle = row.slot < 6;
      auto const add = [&](int cell, std::uint64_t most) {
        auto const at = static_cast<std::size_t>(cell);
        if (auto const value = row.cells[at])
          row.cells.set(at, *value + static_cast<std::int64_t>(below(random, most)));
      };
      add(0, idle ? 2000000 : 4000000000);  // cpu ns
      add(1, idle ? 2 : 300000);            // user, system us
      add(2, idle ? 2 : 300000);
      if (row.slot > 16) {  // throttled
        add(3, 100);
        add(4, 100);
        add(5, 1000000000);
      }
      if (idle) continue;
      for (int memory = 6; memory < 11; ++memory) add(memory, 40960);
      add(11, 300);  // faults
      for (int io = 12; io < 16; ++io) add(io, io < 14 ? 200000 : 50);
      for (int net = 16; net < 20; ++net) add(net, net < 18 ? 1000000 : 1000);
    }
  }
};

}  // namespace

TEST_CASE("CRC-32C gives RFC 3720's values, by instruction and by tables") {
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c_by_tables("123456789") == 0xE3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
  Random random(3);
  std::vector<std::size_t> sizes{767, 768, 769, 775, 776, 1535, 1536, 1537, 5000};
  for (std::size_t size = 0; size < 70; ++size) sizes.push_back(size);
  for (std::size_t const size : sizes) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(random()));
    CHECK(crc32c(bytes) == crc32c_by_tables(bytes));
    CHECK(crc32c(bytes.substr(size / 3), crc32c(bytes.substr(0, size / 3))) == crc32c(bytes));
  }
}

TEST_CASE("any batch survives a key frame, and any successor a delta frame") {
  Random random(20260101);
  for (int round = 0; round < 2000; ++round) {
    auto const base = some_batch(random);
    auto const key = encode_key_frame(base);
    auto const decoded = decode_frame(key, nullptr);
    REQUIRE(decoded);
    REQUIRE(*decoded == base);
    auto const header = peek_frame(key);
    REQUIRE(header);
    REQUIRE(*header ==
            FrameHeader{base.stream, base.lane, base.sequence, std::nullopt, base.tick, base.step});

    auto const next = some_successor(base, random);
    auto const delta = encode_delta_frame(next, base);
    REQUIRE(peek_frame(delta)->base == base.sequence);
    auto const again = decode_frame(delta, &base);
    REQUIRE(again);
    REQUIRE(*again == next);
    auto used_up = base;
    auto const in_its_place = decode_frame(delta, std::move(used_up));
    REQUIRE(in_its_place);
    REQUIRE(*in_its_place == next);
  }
}

TEST_CASE("a key frame shares the list of entities that are the same, and no other") {
  Random random(20260102);
  std::size_t shared = 0;
  for (int round = 0; round < 2000; ++round) {
    auto const base = some_batch(random);
    // Nothing, one thing or several are another's.
    auto next = round % 2 == 0 ? some_successor(base, random) : base;
    if (round % 4 == 1 && !base.entities.empty()) {
      auto& one = next.entities.edit()[below(random, base.entities.size())];
      auto& key = one.entity.key;
      switch (below(random, 6)) {
        case 0:
          one.entity.labels = one.entity.labels.with("b", "other");
          break;
        case 1:
          key.start_ns ^= 1;
          break;
        case 2:
          key.container_id += 'd';
          break;
        case 3:
          key.host += 'h';
          break;
        case 4:
          key.kind = EntityKind::foreign;
          break;
        default:
          break;
      }
    }
    auto const frame = encode_key_frame(next);
    auto const decoded = decode_frame(frame, nullptr, CrcCheck::due, base.entities);
    REQUIRE(decoded);
    REQUIRE(*decoded == next);
    bool const same = !base.entities.empty() && next.entities == base.entities;
    REQUIRE(decoded->entities.is(base.entities) == same);
    if (same) ++shared;
  }
  CHECK(shared > 100);
}

TEST_CASE("a change of schema makes a key frame of a delta") {
  auto const base = golden_base();
  auto next = golden_next();
  next.schemas.push_back({{99}});
  auto const frame = encode_delta_frame(next, base);
  CHECK_FALSE(peek_frame(frame)->base);
  CHECK(*decode_frame(frame, nullptr) == next);
}

TEST_CASE("a delta frame is refused without its base, or with another one") {
  auto base = golden_base();
  auto const delta = encode_delta_frame(golden_next(), base);
  CHECK(decode_frame(delta, nullptr).error().code == Errc::conflict);
  base.sequence = 40;
  CHECK(decode_frame(delta, &base).error().code == Errc::conflict);
  base = golden_base();
  base.lane = Lane::backlog;
  CHECK(decode_frame(delta, &base).error().code == Errc::conflict);
  base = golden_base();
  base.stream.epoch = 8;
  CHECK(decode_frame(delta, &base).error().code == Errc::conflict);
}

TEST_CASE("the golden frames are what FORMAT.md says, both ways") {
  auto const key = fixture("key.frame");
  auto const delta = fixture("delta.frame");
  auto const events = fixture("events.frame");
  CHECK(encode_key_frame(golden_base()) == key);
  CHECK(encode_delta_frame(golden_next(), golden_base()) == delta);
  CHECK(*decode_frame(key, nullptr) == golden_base());
  auto const base = golden_base();
  CHECK(*decode_frame(delta, &base) == golden_next());
  CHECK(encode_delta_frame(golden_events(), golden_base()) == events);
  CHECK(*decode_frame(events, &base) == golden_events());
  auto const losses = fixture("losses.frame");
  CHECK(encode_key_frame(golden_losses()) == losses);
  CHECK(*decode_frame(losses, nullptr) == golden_losses());
}

TEST_CASE("a re-stamped frame is the frame of that place") {
  auto batch = golden_base();
  auto frame = encode_key_frame(batch);
  restamp_key_frame(frame, 9, Lane::backlog, 1234567890123);
  batch.stream.epoch = 9;
  batch.lane = Lane::backlog;
  batch.sequence = 1234567890123;
  CHECK(frame == encode_key_frame(batch));
}

TEST_CASE("a frame cut at any byte, with a byte more, or with any bit flipped is refused") {
  auto const base = golden_base();
  for (auto const& whole : {fixture("key.frame"), fixture("delta.frame"), fixture("events.frame"),
                            fixture("losses.frame")}) {
    REQUIRE(decode_frame(whole, &base));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CHECK_FALSE(decode_frame(whole.substr(0, size), &base));
      CHECK_FALSE(peek_frame(whole.substr(0, size)));
    }
    CHECK_FALSE(decode_frame(whole + '\0', &base));
    for (std::size_t i = 0; i < whole.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        auto flipped = whole;
        flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
        CHECK_FALSE(decode_frame(flipped, &base));
        CHECK_FALSE(peek_frame(flipped));
      }
  }
}

TEST_CASE("with a right CRC over wrong bytes, nothing breaks and what decodes encodes again") {
  Random random(5);
  auto const base = golden_base();
  std::size_t accepted = 0;
  for (auto const& whole : {fixture("key.frame"), fixture("delta.frame"), fixture("events.frame"),
                            fixture("losses.frame")})
    for (int round = 0; round < 20000; ++round) {
      auto frame = whole.substr(0, whole.size() - 4);
      for (auto changes = 1 + below(random, 3); changes > 0; --changes) {
        auto const at = 4 + below(random, frame.size() - 4);
        switch (below(random, 4)) {
          case 0:
            frame[at] = static_cast<char>(random());
            break;
          case 1:
            frame.erase(at, 1);
            break;
          case 2:
            frame.insert(at, 1, static_cast<char>(random()));
            break;
          default:
            frame[at] = '\xff';
            break;
        }
        if (frame.size() < 8) break;
      }
      ByteWriter(frame).u32(crc32c(frame));
      auto const batch = decode_frame(frame, &base);
      if (!batch) continue;
      ++accepted;
      auto const again = decode_frame(encode_key_frame(*batch), nullptr);
      REQUIRE(again);
      REQUIRE(*again == *batch);
    }
  CHECK(accepted > 100);
}

TEST_CASE("declared sizes beyond the limits or beyond the bytes are refused") {
  auto const head = encode_key_frame(golden_base()).substr(0, 46 + 7);  // to behind the agent
  auto const refuse = [&](auto const& write) {
    auto frame = head;
    ByteWriter writer(frame);
    write(writer);
    writer.u32(crc32c(frame));
    REQUIRE(peek_frame(frame));
    CHECK(decode_frame(frame, nullptr).error().code == Errc::malformed);
  };
  refuse([](ByteWriter& w) { w.varint(~0ull); });  // schemas
  refuse([](ByteWriter& w) {
    w.varint(65);
    w.raw(std::string(65, '\0'));
  });
  refuse([](ByteWriter& w) {
    w.varint(1);
    w.varint(1 << 30);
  });  // metrics
  refuse([](ByteWriter& w) {
    w.varint(0);
    w.varint(1u << 20);
    w.raw(std::string(100, '\0'));
  });
  auto const entity = [](ByteWriter& w, std::uint64_t gap, std::size_t id, std::string const& key,
                         std::size_t value) {
    w.varint(0);
    w.varint(1);
    w.varint(gap);
    w.u8(2);
    w.varint(0);
    w.string(std::string(id, 'x'));
    w.varint(0);
    w.varint(1);
    w.string(key);
    w.string(std::string(value, 'v'));
    w.varint(0);
  };
  refuse([&](ByteWriter& w) { entity(w, frame_limit::slots, 3, "k", 3); });
  refuse([&](ByteWriter& w) { entity(w, 0, frame_limit::container_id_bytes + 1, "k", 3); });
  refuse([&](ByteWriter& w) { entity(w, 0, 3, "", 3); });
  refuse([&](ByteWriter& w) {
    entity(w, 0, 3, std::string(frame_limit::label_key_bytes + 1, 'k'), 3);
  });
  refuse([&](ByteWriter& w) { entity(w, 0, 3, "k", frame_limit::label_value_bytes + 1); });
  auto frame = head;  // the same within the limits is taken
  ByteWriter writer(frame);
  entity(writer, frame_limit::slots - 1, frame_limit::container_id_bytes,
         std::string(frame_limit::label_key_bytes, 'k'), frame_limit::label_value_bytes);
  writer.u32(crc32c(frame));
  CHECK(decode_frame(frame, nullptr));

  Batch wide = golden_base();  // 1,025 rows of 1,024 cells: small on the wire, big in memory
  wide.schemas = {{std::vector<MetricId>(1024, 1)}};
  wide.entities.edit().clear();
  wide.rows.clear();
  for (std::uint32_t slot = 0; slot < 1025; ++slot) {
    wide.entities.push_back({slot, {}});
    wide.rows.push_back({slot, 0, Cells(1024)});
  }
  for (auto& entry : wide.entities.edit()) entry.entity.key.host = "host-1";
  CHECK(decode_frame(encode_key_frame(wide), nullptr).error().code == Errc::malformed);
  wide.entities.edit().pop_back();
  wide.rows.pop_back();
  CHECK(decode_frame(encode_key_frame(wide), nullptr));

  auto newer = encode_key_frame(golden_base());
  newer[3] = '2';
  CHECK(peek_frame(newer).error().code == Errc::unsupported);
  CHECK(peek_frame(std::string(frame_limit::frame_bytes + 1, 'd')).error().code == Errc::too_large);
  CHECK(peek_frame("GET / HTTP/1.1").error().code == Errc::malformed);
}

TEST_CASE("ticks of 20 containers cost at most 2 bytes a sample as delta frames") {
  Load load;
  std::size_t bytes = 0;
  std::size_t samples = 0;
  std::size_t keys = 0;
  Batch base = load.batch;
  for (int i = 0; i < 120; ++i) {
    load.tick();
    auto const frame =
        i % 12 == 0 ? encode_key_frame(load.batch) : encode_delta_frame(load.batch, base);
    REQUIRE(*decode_frame(frame, &base) == load.batch);
    base = load.batch;
    (i % 12 == 0 ? keys : bytes) += frame.size();
    for (auto const& row : load.batch.rows) samples += i % 12 == 0 ? 0 : row.cells.count();
  }
  auto const each = static_cast<double>(bytes) / static_cast<double>(samples);
  INFO(each << " bytes a sample in delta frames, " << keys / 10 << " bytes a key frame");
  CHECK(each <= 2.0);
  CHECK(each >= 0.3);  // else the load is no load
}
