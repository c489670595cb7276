#include "aggregator/event/event_log.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

using namespace dadvisor;
using namespace dadvisor::aggregator::event;

namespace {

struct Directory {
  std::string const path =
      std::filesystem::temp_directory_path() / ("dadvisor-events-" + std::to_string(::getpid()));
  Directory() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string file() const { return path + "/events.db"; }
};

Happening happening(std::string identity, std::int64_t when, std::vector<std::string> tags) {
  return {identity, from_unix_seconds(when) + std::chrono::milliseconds(700), identity, "",
          std::move(tags)};
}

EventLog open_log(Directory const& directory) {
  auto log = EventLog::open(directory.file());
  if (!log) FAIL(to_string(log.error()));
  return std::move(*log);
}

EventReader open_reader(Directory const& directory) {
  auto reader = EventReader::open(directory.file());
  if (!reader) FAIL(to_string(reader.error()));
  return std::move(*reader);
}

std::string whats(Result<std::vector<graphite::Event>> const& events) {
  if (!events) return to_string(events.error());
  std::string text;
  for (auto const& event : *events) text += std::to_string(event.id) + event.what + " ";
  return text;
}

}  // namespace

TEST_CASE("an event is recorded once, and numbers rise over restarts and pruning") {
  Directory directory;
  {
    auto log = open_log(directory);
    REQUIRE(log.begin());
    CHECK(*log.add(happening("a", 100, {"start", "app:x"})));
    CHECK_FALSE(*log.add(happening("a", 999, {"start"})));
    CHECK(*log.add(happening("b", 90, {"exit", "app:x"})));
    REQUIRE(log.commit());
    REQUIRE(log.begin());
    CHECK(*log.add(happening("gone", 95, {})));
    REQUIRE(log.set_fact("f", "1"));
    log.roll_back();
  }
  auto log = open_log(directory);
  auto reader = open_reader(directory);
  CHECK(*reader.last_id() == 2);
  CHECK_FALSE(*log.fact("f"));
  CHECK(*log.prune(from_unix_seconds(1000), 10) == 2);
  CHECK(whats(reader.find({}, 0, 1000, 10)).empty());
  CHECK(whats(reader.find({"app:x"}, 0, 1000, 10)).empty());
  REQUIRE(log.begin());
  CHECK(*log.add(happening("c", 100, {})));
  REQUIRE(log.set_fact("f", "2"));
  REQUIRE(log.commit());
  CHECK(whats(reader.after(0, 10)) == "3c ");
  CHECK(**log.fact("f") == "2");
}

TEST_CASE("events are found by time, both ends included, and by all of their tags") {
  Directory directory;
  auto log = open_log(directory);
  auto reader = open_reader(directory);
  REQUIRE(log.begin());
  CHECK(*log.add(happening("late", 110, {"exit", "app:x", "host:h"})));
  CHECK(*log.add(happening("early", 100, {"start", "app:x"})));
  CHECK(*log.add(happening("other", 105, {"start", "app:y"})));
  REQUIRE(log.commit());
  CHECK(whats(reader.find({}, 100, 110, 10)) == "2early 3other 1late ");
  CHECK(whats(reader.find({}, 101, 109, 10)) == "3other ");
  CHECK(whats(reader.find({}, -5, INT64_MAX, 10)) == "2early 3other 1late ");
  CHECK(whats(reader.find({"app:x"}, 0, 200, 10)) == "2early 1late ");
  CHECK(whats(reader.find({"exit", "app:x"}, 0, 200, 10)) == "1late ");
  CHECK(whats(reader.find({"start", "app:z"}, 0, 200, 10)).empty());
  CHECK(whats(reader.find({"start"}, 0, 200, 10)) == "2early 3other ");
  CHECK(reader.find({}, 0, 200, 2).error().code == Errc::too_large);
  CHECK(whats(reader.find({}, 0, 200, 3)) == "2early 3other 1late ");
  CHECK(whats(reader.after(1, 1)) == "2early ");
  auto const found = *reader.find({"host:h"}, 0, 200, 10);
  REQUIRE(found.size() == 1);
  CHECK(found[0].when == 110);
  CHECK(found[0].tags == std::vector<std::string>{"exit", "app:x", "host:h"});
}

TEST_CASE("what is no database of ours is refused with its name") {
  Directory directory;
  {
    auto log = open_log(directory);
    sqlite3* raw = nullptr;
    REQUIRE(sqlite3_open(directory.file().c_str(), &raw) == SQLITE_OK);
    Database const database(raw);
    REQUIRE(execute(raw, "PRAGMA user_version = 9"));
  }
  auto const newer = EventLog::open(directory.file());
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::unsupported);
  CHECK(newer.error().context.find(directory.file()) != std::string::npos);
  CHECK_FALSE(EventLog::open(directory.path + "/no/such/file"));
}
