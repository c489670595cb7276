// What a Sender cannot keep: counted, and told by the batch behind it.

#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "sender_world.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

TEST_CASE("a spool far too small drops the oldest, counted, and the newest still go") {
  World world;
  world.options.spool.directory = world.directory + "/small";
  world.options.spool.max_bytes = 400;
  world.start();
  // Number i has 1 + i % 3 rows.
  std::uint64_t rows = 0;
  for (int i = 0; i < 100; ++i) {
    auto batch = world.tick(i);
    for (std::uint32_t slot = 1; slot <= static_cast<std::uint32_t>(i % 3); ++slot) {
      batch.entities.push_back({slot, {{EntityKind::container, "host-1", "c", slot}, {}}});
      batch.rows.push_back({slot, 0, {i, std::nullopt}});
    }
    rows += batch.rows.size();
    world.clock.now = std::max(world.clock.now, batch.tick);
    world.sender->submit(std::make_shared<Batch>(std::move(batch)));
  }
  auto const counters = world.sender->counters();
  CHECK(counters.spool.bytes <= 600);
  CHECK(counters.lost + counters.waiting == 100);
  CHECK(counters.lost == counters.spool.dropped_full);
  // The newest are those that wait.
  std::uint64_t waiting_rows = 0;
  for (auto i = 100 - counters.waiting; i < 100; ++i) waiting_rows += 1 + i % 3;
  CHECK(counters.dropped_rows == rows - waiting_rows);
  world.clock.advance(seconds(1));
  world.welcome();
  auto const frames = world.frames();
  CHECK(number_of(frames.back()) == 99);
  // Those that wait tell of all that was lost, of each once, also of what a lost one had told.
  REQUIRE(frames.size() == counters.waiting);
  std::uint64_t told = 0;
  WallTime first = WallTime::max(), last = WallTime::min();
  for (auto const& frame : frames) {
    auto const batch = decode_frame(frame, nullptr);
    REQUIRE(batch);
    for (auto const& loss : batch->losses) {
      CHECK(loss.reason == LossReason::full);
      told += loss.batches;
      first = std::min(first, loss.first);
      last = std::max(last, loss.last);
    }
  }
  CHECK(told == counters.lost);
  CHECK(first == world.tick(0).tick);
  CHECK(last == world.tick(99 - static_cast<int>(counters.waiting)).tick);
}

TEST_CASE("what grows too old while it is under way is lost only when the answer lacks it") {
  World world;
  world.options.spool.directory = world.directory + "/short";
  world.options.spool.max_age = seconds(60);
  world.start();
  for (int i = 0; i < 2; ++i) world.submit(i);
  world.clock.advance(seconds(1));
  world.welcome();
  REQUIRE(world.frames().size() == 2);
  world.submit(8);  // 0 and 1 are older than 60 s
  CHECK(world.sender->counters().spool.dropped_old == 0);
  CHECK(world.sender->counters().lost == 0);
  std::uint64_t const arrived = GENERATE(0u, 1u, 2u);
  if (arrived == 0)
    world.take().callback(Error{Errc::timeout, 0, "no answer"});
  else
    world.acknowledge({arrived, 0});
  CHECK(world.sender->counters().acknowledged == arrived);
  // The next batch tells of what is lost, and of nothing else. A new schema: it is a key frame.
  auto next = world.tick(9);
  next.schemas = {{{1, 2, 3}}};
  next.rows = {{0, 0, {9, std::nullopt, std::nullopt}}};
  world.clock.advance(seconds(10));
  // Unless they are on their way again.
  if (!world.posted.empty()) world.take().callback(Error{Errc::timeout, 0, "no answer"});
  world.sender->submit(std::make_shared<Batch>(next));
  CHECK(world.sender->counters().lost == 2 - arrived);
  CHECK(world.sender->counters().spool.dropped_old == 2 - arrived);
  CHECK(world.sender->counters().dropped_rows == 2 - arrived);
  LaneMarks acked{arrived, 0};
  std::vector<Loss> told;
  for (int i = 0; i < 20 && world.sender->counters().waiting > 0; ++i) {
    if (world.posted.empty()) {
      world.wake();
    } else if (world.posted.front().path == delivery::hello_path) {
      world.welcome(acked);
    } else {
      for (auto const& frame : world.frames()) {
        auto const place = peek_frame(frame);
        acked[place->lane] = place->sequence;
        if (auto const batch = decode_frame(frame, nullptr))
          told.insert(told.end(), batch->losses.begin(), batch->losses.end());
      }
      world.acknowledge(acked);
    }
  }
  CHECK(world.sender->counters().spool.batches == 0);
  if (arrived == 2)
    CHECK(told.empty());
  else
    CHECK(told == std::vector<Loss>{{LossReason::old, world.tick(static_cast<int>(arrived)).tick,
                                     world.tick(1).tick, 2 - arrived}});
}

namespace {

// No file may grow while it lives: what write(2) says on a full disk, but for the number.
struct FullDisk {
  rlimit before{};
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit const none{0, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before); }
};

}  // namespace

TEST_CASE("while the disk is full batches go from memory, within bounds; afterwards from disk") {
  World world;
  {
    FullDisk const full;
    for (int i = 0; i < 20; ++i) world.submit(i);
  }
  auto const counters = world.sender->counters();
  CHECK(counters.spool.batches == 0);
  CHECK(counters.spool.write_failures == 20);
  CHECK(counters.lost == 4);  // 16 are held in memory
  CHECK(counters.waiting == 16);
  world.submit(20);
  CHECK(world.sender->counters().spool.batches == 1);
  world.clock.advance(seconds(1));
  world.welcome();
  auto const frames = world.frames();
  CHECK(number_of(frames.at(0)) == 20);
  // The batch behind a loss tells of it: 19 found no room for 3.
  auto const lost = world.tick(3).tick;
  CHECK(decode_frame(frames.at(0), nullptr)->losses ==
        std::vector<Loss>{{LossReason::unwritable, lost, lost, 1}});
  CHECK(number_of(frames.at(1)) == 5);
  CHECK(frames.size() == 9);
}

TEST_CASE("a kill between a loss and the next batch loses no word of it") {
  World world;
  constexpr int submitted = 30;  // more than memory holds
  for (int i = 0; i < submitted; ++i) world.submit(i);
  std::string segment;
  for (auto const& entry : std::filesystem::directory_iterator(world.options.spool.directory))
    if (entry.path().filename().string().starts_with("segment-")) segment = entry.path();
  {
    // In the middle of the second.
    auto const size = std::filesystem::file_size(segment) / submitted;
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size + size / 2));
    file.put('\xff');
  }
  world.clock.advance(seconds(1));
  world.welcome();
  CHECK(world.sender->counters().lost == 1);  // it should have been in that request
  auto const lost = world.tick(1).tick;
  // Twice: the second run does not come to tell it either.
  for (int run = 0; run < 2; ++run) world.start();
  world.submit(submitted);
  world.clock.advance(seconds(1));
  world.welcome();
  auto const told_by = [&](int number) {
    for (auto const& frame : world.frames())
      if (number_of(frame) == number) return decode_frame(frame, nullptr)->losses;
    FAIL("it is not in that request");
    return std::vector<Loss>();
  };
  CHECK(told_by(submitted) == std::vector<Loss>{{LossReason::damaged, lost, lost, 1}});
  CHECK(world.sender->counters().lost == 0);  // the run before counted it
  world.start();
  world.submit(submitted + 1);
  world.clock.advance(seconds(1));
  world.welcome();
  CHECK(told_by(submitted + 1).empty());
}

TEST_CASE("what a start finds damaged between two batches is a loss, told with the first batch") {
  World world;
  for (int i = 0; i < 3; ++i) world.submit(i);
  world.sender.reset();
  std::string segment;
  for (auto const& entry : std::filesystem::directory_iterator(world.options.spool.directory))
    if (entry.path().filename().string().starts_with("segment-")) segment = entry.path();
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(segment) / 2));
    file.put('\xff');
  }
  world.start();
  CHECK(world.sender->counters().spool.damaged == 1);
  world.submit(3);
  world.clock.advance(seconds(1));
  world.welcome();
  auto const newest = world.frames().at(0);
  CHECK(number_of(newest) == 3);
  auto const between = world.tick(1).tick;
  CHECK(decode_frame(newest, nullptr)->losses ==
        std::vector<Loss>{{LossReason::damaged, between, between, 1}});
  CHECK(world.sender->counters().lost == 1);
}
