#include "agent/send/spool.hpp"

#include "agent/send/spool_record.hpp"
#include "spool_files.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;
using delivery::Place;

TEST_CASE("a spool keeps batches, places and its epoch over a restart, without any sync") {
  Directory directory;
  Numbers kept;
  {
    auto spool = open(options(directory));
    CHECK(spool.epoch() == 1700000000);
    for (auto const* frame : {"one", "two", "three"}) kept.push_back(add(spool, frame));
    REQUIRE(spool.place(kept[1], {Lane::fresh, 7}));
    spool.done(kept[0]);
    CHECK(spool.counters().syncs == 0);
  }
  auto spool = open(options(directory), 5000);
  CHECK(spool.epoch() == 1700000000);
  CHECK(records(spool) == Numbers{kept[1], kept[2]});
  CHECK(spool.held()[0].place == Place{Lane::fresh, 7});
  CHECK_FALSE(spool.held()[1].place);
  CHECK(*spool.read(kept[1]) == "two");
  CHECK(spool.read(kept[0]).error().code == Errc::not_found);
  CHECK(spool.new_record() > kept[2]);
  CHECK(spool.counters().damaged == 0);
}

TEST_CASE("a new epoch voids the places that were given in the old one, also after a restart") {
  Directory directory;
  {
    auto spool = open(options(directory));
    auto const record = add(spool, "one");
    REQUIRE(spool.place(record, {Lane::fresh, 1}));
    REQUIRE(spool.set_epoch(42));
    CHECK_FALSE(spool.held()[0].place);
  }
  auto spool = open(options(directory));
  CHECK(spool.epoch() == 42);
  CHECK_FALSE(spool.held()[0].place);
}

TEST_CASE("a lost spool starts a higher epoch") {
  Directory directory;
  auto const before = open(options(directory)).epoch();
  files::remove_all(directory.path);
  CHECK(open(options(directory), 60).epoch() > before);
  replace(directory.path + "/epoch", "nonsense");
  CHECK(open(options(directory), 120).epoch() == 1700000120);
}

TEST_CASE("segments go when all in them is done, and what is done never comes back") {
  Directory directory;
  Numbers kept;
  {
    auto spool = open(options(directory, 300));
    for (int i = 0; i < 20; ++i) kept.push_back(add(spool, std::string(100, 'x')));
    CHECK(directory.segments().size() >= 7);
    // All but one in the first segment are done, far behind it.
    for (std::size_t i = 1; i < kept.size(); ++i) {
      REQUIRE(spool.place(kept[i], {Lane::backlog, i}));
      spool.done(kept[i]);
    }
    CHECK(records(spool) == Numbers{kept[0]});
  }
  {
    auto spool = open(options(directory, 300));
    CHECK(records(spool) == Numbers{kept[0]});
    spool.done(kept[0]);
    CHECK(directory.segments().size() == 1);
  }
  CHECK(records(open(options(directory, 300))).empty());
}

TEST_CASE("on a healthy link the spool stays small") {
  Directory directory;
  auto spool = open(options(directory));
  for (std::uint64_t i = 1; i <= 500; ++i) {
    auto const record = add(spool, std::string(8000, 'x'));
    REQUIRE(spool.place(record, {Lane::fresh, i}));
    spool.done(record);
    REQUIRE(spool.counters().bytes < 300 << 10);
  }
  CHECK(directory.segments().size() == 1);
}

TEST_CASE("a spool that is cut anywhere gives all whole batches before the cut") {
  Directory directory;
  Numbers kept;
  {
    auto spool = open(options(directory));
    for (int i = 0; i < 4; ++i) kept.push_back(add(spool, "frame " + std::to_string(i)));
  }
  auto const file = directory.first_filled();
  auto const whole = contents(file);
  auto const head = spool_record::begins_bytes;
  auto const record_bytes = (whole.size() - head) / 4;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    files::remove_all(directory.path);
    files::create_directory(directory.path);
    replace(directory.path + "/epoch", "1\n");
    replace(file, whole.substr(0, size));
    auto spool = open(options(directory));
    auto const behind = size < head ? 0 : size - head;
    REQUIRE(records(spool).size() == behind / record_bytes);
    bool const between = size == 0 || (size >= head && behind % record_bytes == 0);
    REQUIRE(spool.counters().damaged == (between ? 0 : 1));
    for (auto const record : records(spool)) REQUIRE(spool.read(record));
  }
}

TEST_CASE("a flipped bit costs one batch, is counted, and the rest is read") {
  Directory directory;
  {
    auto spool = open(options(directory));
    for (int i = 0; i < 4; ++i) add(spool, "frame " + std::to_string(i));
  }
  auto const file = directory.first_filled();
  auto const whole = contents(file);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    files::remove_all(directory.path);
    files::create_directory(directory.path);
    replace(directory.path + "/epoch", "1\n");
    replace(file, flipped);
    auto spool = open(options(directory));
    REQUIRE(records(spool).size() == (i < spool_record::begins_bytes ? 4 : 3));
    REQUIRE(spool.counters().damaged == 1);
    auto const again = add(spool, "more");
    REQUIRE(*spool.read(again) == "more");
  }
}

TEST_CASE("a batch that is damaged while the spool is open is counted, and given up as a loss") {
  Directory directory;
  auto spool = open(options(directory));
  auto const record = add(spool, "a frame of some length");
  auto const file = directory.first_filled();
  auto bytes = contents(file);
  bytes[bytes.size() - 3] ^= 1;
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << bytes;
  CHECK(spool.read(record).error().code == Errc::malformed);
  CHECK(spool.counters().damaged == 1);
  CHECK(records(spool) == Numbers{record});
  REQUIRE(spool.lose({{LossReason::damaged, at(0), at(0), 1}}, Numbers{record}));
  CHECK(records(spool).empty());
}

TEST_CASE("beyond its bytes the spool drops the oldest, beyond its age what is older") {
  Directory directory;
  auto bounded = options(directory, 1000);
  bounded.max_bytes = 10000;
  auto spool = open(bounded);
  Numbers kept;
  Numbers dropped;
  for (int i = 0; i < 100; ++i) {
    kept.push_back(add(spool, std::string(200, 'x'), i));
    REQUIRE(spool.place(kept.back(), {Lane::backlog, kept.size()}));
    for (auto const& gone : spool.trim(at(i), 0)) dropped.push_back(gone.record);
    REQUIRE(spool.counters().bytes <= 10000);
  }
  CHECK(spool.counters().dropped_full == dropped.size());
  CHECK(dropped.size() > 50);
  CHECK(dropped == Numbers(kept.begin(), kept.begin() + static_cast<long>(dropped.size())));
  CHECK(records(spool) == Numbers(kept.begin() + static_cast<long>(dropped.size()), kept.end()));

  auto const old = spool.trim(at(24 * 3600 + 90));  // ticks before 90
  CHECK(records(spool) == Numbers(kept.begin() + 90, kept.end()));
  CHECK(spool.counters().dropped_old == old.size());
}

TEST_CASE("a spool is one agent's, and follows no symlink") {
  Directory directory;
  {
    auto const spool = open(options(directory));
    CHECK(Spool::open(options(directory), at(0)).error().code == Errc::conflict);
  }
  auto const outside = directory.path + "-outside";
  replace(outside, "precious");
  files::create_symlink(outside, directory.path + "/segment-00000000000000ff");
  CHECK_FALSE(Spool::open(options(directory), at(0)));
  CHECK(contents(outside) == "precious");
  files::remove(directory.path + "/segment-00000000000000ff");
  files::create_symlink(outside, directory.path + "/segment-not-ours");
  CHECK(Spool::open(options(directory), at(0)));
}
