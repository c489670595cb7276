#include "aggregator/event/announcer.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "common/core/clock.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::event;

namespace {

struct Directory {
  std::string const path =
      std::filesystem::temp_directory_path() / ("dadvisor-announcer-" + std::to_string(::getpid()));
  Directory() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string file() const { return path + "/events.db"; }
};

EventLog open_log(Directory const& directory) {
  auto log = EventLog::open(directory.file());
  REQUIRE(log);
  return std::move(*log);
}

EventReader open_reader(Directory const& directory) {
  auto reader = EventReader::open(directory.file());
  REQUIRE(reader);
  return std::move(*reader);
}

graphite::PostedEvent event_at(std::string what, std::int64_t when) {
  return {std::move(what), "data", {"deploy", "app:/x"}, when * 1'000'000'000 + 250'000'000};
}

}  // namespace

TEST_CASE("what is told is found, by time, tags and number, and told twice is twice") {
  Directory directory;
  test::HandClock const clock;
  int told = 0;
  Announcer announcer(open_log(directory), clock, std::chrono::hours(48), [&] { ++told; });
  REQUIRE(announcer.announce(event_at("one", 1'699'999'000)));
  REQUIRE(announcer.announce(event_at("one", 1'699'999'000)));
  REQUIRE(announcer.announce({"now", "", {}, {}}));
  CHECK(told == 3);
  CHECK(announcer.counters().announced == 3);
  auto reader = open_reader(directory);
  auto const found = reader.find({"app:/x", "deploy"}, 0, 1'800'000'000, 10);
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK(found->at(0).when == 1'699'999'000);
  CHECK(found->at(0).data == "data");
  CHECK(found->at(0).id != found->at(1).id);
  auto const one = reader.one(found->at(1).id).value();
  REQUIRE(one);
  CHECK(one->event == found->at(1));
  CHECK(one->at == from_unix_seconds(1'699'999'000) + std::chrono::milliseconds(250));
  CHECK(reader.find({}, 1'700'000'000, 1'700'000'000, 10)->at(0).what == "now");
  CHECK_FALSE(reader.one(4).value());
  CHECK_FALSE(reader.one(0).value());
  CHECK_FALSE(reader.one(UINT64_MAX).value());
}

TEST_CASE("an event from before what is kept, or of years ahead, is refused") {
  Directory directory;
  test::HandClock const clock;
  Announcer announcer(open_log(directory), clock, std::chrono::hours(48), {});
  auto const old = announcer.announce(event_at("old", 1'700'000'000 - 49 * 3600));
  REQUIRE_FALSE(old);
  CHECK(old.error().code == Errc::malformed);
  CHECK(old.error().context == "when: events are kept for 48 hours (retention)");
  CHECK(announcer.announce(event_at("kept", 1'700'000'000 - 47 * 3600)));
  CHECK(announcer.announce(event_at("planned", 1'700'000'000 + 86400)));
  CHECK_FALSE(announcer.announce(event_at("never", 1'700'000'000 + 400 * 86400)));
  CHECK(announcer.counters().announced == 2);
  CHECK(announcer.counters().failures == 0);  // the sender's faults are none of the store's
}

TEST_CASE("tellers and a watch's own connection wait for one another and lose nothing") {
  Directory directory;
  test::HandClock const clock;
  Announcer announcer(open_log(directory), clock, std::chrono::hours(48), {});
  auto log = open_log(directory);
  constexpr int each = 40;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < each; ++i) static_cast<void>(announcer.announce({"told", "", {"t"}, {}}));
    });
  for (int i = 0; i < each; ++i) {
    REQUIRE(log.begin());
    REQUIRE(log.add({"seen" + std::to_string(i), clock.wall(), "seen", "", {"s"}}));
    REQUIRE(log.commit());
  }
  for (auto& thread : threads) thread.join();
  auto reader = open_reader(directory);
  CHECK(reader.find({"t"}, 0, 1'800'000'000, 1000)->size() == 2 * each);
  CHECK(reader.find({"s"}, 0, 1'800'000'000, 1000)->size() == each);
  CHECK(announcer.counters().failures == 0);
}
