#include "agent/resolver/feed.hpp"

#include <catch2/catch.hpp>

#include "tests/agent/resolver/fake_source.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using test::FakeSource;

namespace {

// One word a line: what was told.
std::string words(std::string const& lines) {
  documents::Reader reader;
  std::string all;
  struct Visitor {
    std::string operator()(documents::Hello const& its) { return "hello:" + its.run; }
    std::string operator()(Container const& its) { return its.id + "=" + its.name; }
    std::string operator()(documents::Gone const& its) { return "-" + its.id; }
    std::string operator()(documents::Updated const& its) { return "!" + its.id; }
    std::string operator()(documents::Told const& its) { return "#" + std::to_string(its.number); }
    std::string operator()(RuntimeReport const& its) { return its.docker.up ? "up" : "down"; }
  };
  REQUIRE(reader.feed(lines, [&](documents::Document const& document) {
    all += std::visit(Visitor(), document) + " ";
  }));
  return all;
}

}  // namespace

TEST_CASE("a follower is told all, and then what changes") {
  FakeSource source;
  source.run("a", "one");
  source.run("b", "two");
  source.told.docker.up = true;
  Feed feed("r");
  Follower follower;
  feed.follow(follower);
  CHECK(feed.look(source));
  CHECK(words(feed.next(follower)) == "hello:r a=one b=two up ");
  CHECK(feed.next(follower).empty());
  CHECK_FALSE(feed.look(source));

  source.run("a", "other");
  source.run("c");
  source.exit("b", 3);
  source.containers.erase("b");
  CHECK(feed.look(source));
  feed.updated("c");
  CHECK(words(feed.next(follower)) == "a=other -b c=n #1 !c ");
  source.told.docker.up = false;
  CHECK(feed.look(source));
  CHECK(words(feed.next(follower)) == "down ");
  feed.remind();
  CHECK(words(feed.next(follower)) == "down ");

  // Another one begins with all that is so now, and with the events that nobody took.
  Follower later;
  feed.follow(later);
  CHECK(words(feed.next(later)) == "hello:r a=other c=n #1 down ");
  CHECK(feed.next(follower).empty());
  feed.leave(later);
  feed.leave(follower);
}

TEST_CASE("the state, by which all is told, waits until the watchers know") {
  FakeSource source;
  source.is_settled = false;
  Feed feed("r");
  Follower follower;
  feed.follow(follower);
  feed.look(source);
  CHECK(words(feed.next(follower)) == "hello:r ");
  source.run("a");
  source.is_settled = true;
  CHECK(feed.look(source));
  CHECK(words(feed.next(follower)) == "a=n down ");
}

TEST_CASE("events are kept until they are taken, by who knows this run") {
  FakeSource source;
  source.run("a");
  Feed feed("r");
  for (int i = 0; i < 3; ++i) source.exit("a", i);
  feed.look(source);
  feed.taken("other", 3);
  CHECK(feed.events() == 3);
  feed.taken("r", 2);
  CHECK(feed.events() == 1);
  Follower follower;
  feed.follow(follower);
  CHECK(words(feed.next(follower)) == "hello:r a=n #3 down ");
  feed.taken("r", 99);
  CHECK(feed.events() == 0);
  // Numbers go on.
  source.exit("a", 0);
  feed.look(source);
  CHECK(words(feed.next(follower)) == "#4 ");
}

TEST_CASE("while nobody takes them the oldest events go, and are counted") {
  FakeSource source;
  source.run("a");
  Feed feed("r");
  for (int i = 0; i < 5000; ++i) source.exit("a", i);
  feed.look(source);
  CHECK(feed.events() == 4096);
  Follower follower;
  feed.follow(follower);
  std::uint64_t first = 0, last = 0, dropped = 0;
  documents::Reader reader;
  for (auto lines = feed.next(follower); !lines.empty(); lines = feed.next(follower)) {
    // A piece is bounded.
    CHECK(lines.size() < (256 << 10) + 4096);
    REQUIRE(reader.feed(lines, [&](documents::Document const& document) {
      if (auto const* told = std::get_if<documents::Told>(&document)) {
        if (first == 0) first = told->number;
        CHECK((last == 0 || told->number == last + 1));
        last = told->number;
      }
      if (auto const* report = std::get_if<RuntimeReport>(&document)) dropped = report->dropped;
    }));
  }
  CHECK(first == 5000 - 4096 + 1);
  CHECK(last == 5000);
  CHECK(dropped == 5000 - 4096);
}

TEST_CASE("a follower that reads slowly is told the last of what changed, once") {
  FakeSource source;
  Feed feed("r");
  Follower follower;
  feed.follow(follower);
  for (int i = 0; i < 100; ++i) {
    source.run("a", std::to_string(i));
    feed.look(source);
  }
  CHECK(follower.due.size() == 1);
  CHECK(words(feed.next(follower)) == "hello:r a=99 down ");
}

TEST_CASE("containers too large to be told whole are counted") {
  FakeSource source;
  auto& its = source.run("a");
  for (int i = 0; i < 300; ++i)
    its.labels.emplace("dadvisor." + std::to_string(i), std::string(4096, 'x'));
  source.run("b");
  Feed feed("r");
  Follower follower;
  feed.follow(follower);
  feed.look(source);
  CHECK(words(feed.next(follower)) == "hello:r a=n b=n down ");
  CHECK(feed.cut() == 1);
}
