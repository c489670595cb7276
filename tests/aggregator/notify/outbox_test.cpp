#include "aggregator/notify/outbox.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "aggregator/notify/entry_json.hpp"
#include "notices_for_test.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::notify;
using namespace dadvisor::aggregator::notify::test;
using curl::Outcome;

namespace {

Log const quiet("test", LogLevel::error);
std::string const pay = "email:pay@example.com";

struct Desk {
  TemporaryDirectory directory;
  OutboxOptions options;
  std::optional<Outbox> box;
  std::int64_t now = 1000;

  Desk() {
    options.path = directory.path() + "/outbox";
    reopen();
  }
  void reopen() {
    box.reset();
    auto opened = Outbox::open(options, wall(now), quiet);
    REQUIRE(opened);
    box.emplace(std::move(*opened));
  }
  void plan(Transition const& what, std::set<std::string> const& whom = {pay}) {
    box->plan(what, whom, wall(now));
    REQUIRE(box->sync());
  }
  std::optional<Batch> take(std::string_view kind = "email:") {
    auto batch = box->take(kind, wall(now));
    REQUIRE(box->sync());
    return batch;
  }
  void complete(Batch const& batch, Outcome outcome) {
    box->complete(batch, outcome, outcome == Outcome::sent ? "" : "why", wall(now));
    REQUIRE(box->sync());
  }
  // Sends what is due and says what it was: "01A.1 01B.1".
  std::string send(Outcome outcome = Outcome::sent) {
    auto const batch = take();
    if (!batch) return "nothing";
    complete(*batch, outcome);
    std::string out;
    for (auto const& one : batch->notices)
      out +=
          (out.empty() ? "" : " ") + one.state.incident + "." + std::to_string(one.state.sequence);
    return out;
  }
  Entry entry(std::string const& incident) {
    for (auto const& one : box->entries())
      if (one.incident == incident) return one;
    FAIL("no entry");
    return {};
  }
};

}  // namespace

TEST_CASE("a notice is sent once, and planning it again is nothing") {
  Desk desk;
  desk.plan(fired("01A"));
  CHECK(desk.send() == "01A.1");
  CHECK(desk.send() == "nothing");
  desk.plan(fired("01A"));
  CHECK(desk.send() == "nothing");
  desk.reopen();
  desk.plan(fired("01A"));
  CHECK(desk.send() == "nothing");
  CHECK(desk.entry("01A").phase == Phase::sent);
}

TEST_CASE("what was planned is sent after a restart") {
  Desk desk;
  desk.plan(fired("01A"));
  desk.reopen();
  CHECK(desk.send() == "01A.1");
}

TEST_CASE("a newer notice replaces an unsent older one") {
  Desk desk;
  desk.plan(fired("01A", 1, Level::warn));
  desk.plan(fired("01A", 2, Level::crit));
  CHECK(desk.send() == "01A.2");
  CHECK(desk.send() == "nothing");
  CHECK(desk.box->counters().superseded == 1);
}

TEST_CASE("a resolution goes to whoever heard of the incident, and to nobody else") {
  Desk desk;
  SECTION("nobody heard: nothing is sent") {
    desk.plan(fired("01A"));
    desk.plan(ended("01A", 2));
    CHECK(desk.send() == "nothing");
    CHECK(desk.entry("01A").phase == Phase::skipped);
  }
  SECTION("never planned for this receiver: no entry") {
    desk.plan(ended("01A", 2));
    CHECK(desk.box->entries().empty());
  }
  SECTION("who heard hears the end, also if no longer routed to, over a restart") {
    desk.plan(fired("01A"));
    CHECK(desk.send() == "01A.1");
    desk.reopen();
    desk.plan(ended("01A", 2), {"email:other@example.com"});
    CHECK(desk.send() == "01A.2");
    CHECK(desk.send() == "nothing");
    CHECK(desk.box->entries().size() == 1);
  }
  SECTION("a refused firing was not heard") {
    desk.plan(fired("01A"));
    desk.send(Outcome::permanent);
    desk.plan(ended("01A", 2));
    CHECK(desk.send() == "nothing");
  }
}

TEST_CASE("a state that the receiver has already is not told again") {
  Desk desk;
  desk.plan(fired("01A", 1));
  CHECK(desk.send() == "01A.1");
  desk.plan(notice("01A", 2, Status::nodata));
  desk.plan(fired("01A", 3));  // back before NODATA left
  CHECK(desk.send() == "nothing");
  desk.plan(ended("01A", 4));
  CHECK(desk.send() == "01A.4");
}

TEST_CASE("a resolution that comes while the firing is on its way waits for what becomes of it") {
  Desk desk;
  desk.plan(fired("01A"));
  auto const batch = desk.take();
  REQUIRE(batch);
  desk.plan(ended("01A", 2));
  CHECK(desk.send() == "nothing");  // in order: one at a time
  SECTION("it arrived") {
    desk.complete(*batch, Outcome::sent);
    CHECK(desk.send() == "01A.2");
  }
  SECTION("it may have arrived") {
    desk.complete(*batch, Outcome::unknown);
    CHECK(desk.send() == "01A.2");
  }
  SECTION("it did not: there is nothing to resolve") {
    desk.complete(*batch, Outcome::retry);
    desk.now += 1000;
    CHECK(desk.send() == "nothing");
  }
  SECTION("the process died meanwhile: it may have arrived") {
    desk.reopen();
    CHECK(desk.send() == "01A.2");
  }
}

TEST_CASE("retries wait longer and longer, up to a limit, and end after a day") {
  Desk desk;
  desk.plan(fired("01A"));
  CHECK(desk.send(Outcome::retry) == "01A.1");
  std::int64_t last = 0;
  for (int i = 0; i < 12; ++i) {
    CHECK(desk.send() == "nothing");
    auto const due = unix_seconds(desk.entry("01A").due);
    auto const pause = due - desk.now;
    std::int64_t const nominal = std::min<std::int64_t>(600, 5ll << i);
    CHECK(pause >= nominal);
    CHECK(pause <= nominal + nominal / 5);
    CHECK(pause >= last);
    last = nominal;
    desk.now = due + 1;
    CHECK(desk.send(Outcome::retry) == "01A.1");
  }
  desk.now += 86400;
  CHECK(desk.send(Outcome::retry) == "01A.1");
  CHECK(desk.entry("01A").phase == Phase::failed);
  desk.now += 86400;
  CHECK(desk.send() == "nothing");
}

TEST_CASE("an unknown outcome is tried once more, under the same id") {
  Desk desk;
  desk.plan(fired("01A"));
  auto const first = desk.take();
  REQUIRE(first);
  desk.complete(*first, Outcome::unknown);
  CHECK_FALSE(desk.take());
  desk.plan(fired("01B"));  // does not join the second try
  desk.now += 10;
  auto second = desk.take();
  REQUIRE(second);
  if (second->notices[0].state.incident == "01B") {
    desk.complete(*second, Outcome::sent);
    second = desk.take();
    REQUIRE(second);
  }
  CHECK(second->id == first->id);
  CHECK(second->notices.size() == 1);
  desk.complete(*second, Outcome::unknown);
  desk.now += 86000;
  CHECK(desk.send() == "01B.1");
  CHECK(desk.send() == "nothing");
  CHECK(desk.entry("01A").phase == Phase::failed);
  desk.plan(ended("01A", 2));  // it may have heard
  CHECK(desk.send() == "01A.2");
}

TEST_CASE("what was on its way at a crash is sent once more under the same id") {
  Desk desk;
  desk.plan(fired("01A"));
  auto const first = desk.take();
  desk.reopen();
  auto const second = desk.take();
  REQUIRE(second);
  CHECK(second->id == first->id);
  desk.complete(*second, Outcome::sent);
  CHECK(desk.send() == "nothing");
}

TEST_CASE("notices of one rule and app go in one message, others do not") {
  Desk desk;
  for (auto const* incident : {"01A", "01B", "01C"}) desk.plan(fired(incident));
  auto other = fired("01D");
  other.state.labels["app"] = "shop";
  desk.plan(other);
  desk.plan(fired("01E"), {"webhook:hook"});
  CHECK(desk.send() == "01A.1 01B.1 01C.1");
  CHECK(desk.send() == "01D.1");
  CHECK(desk.send() == "nothing");
  auto const hook = desk.take("webhook:");
  REQUIRE(hook);
  CHECK(hook->receiver == "webhook:hook");
}

TEST_CASE("one receiver's trouble does not hold up another's") {
  Desk desk;
  desk.plan(fired("01A"), {pay, "email:ops@example.com"});
  CHECK(desk.send(Outcome::retry) == "01A.1");
  CHECK(desk.send() == "01A.1");
  CHECK(desk.send() == "nothing");
}

TEST_CASE("a message carries no more than its limit") {
  Desk desk;
  desk.options.most_notices = 2;
  desk.reopen();
  for (auto const* incident : {"01A", "01B", "01C"}) desk.plan(fired(incident));
  CHECK(desk.send() == "01A.1 01B.1");
  CHECK(desk.send() == "01C.1");
}

TEST_CASE("entries of ended incidents go after two days, open ones stay") {
  Desk desk;
  desk.plan(fired("01A"));
  desk.send();
  desk.plan(ended("01A", 2));
  desk.send();
  desk.plan(fired("01B"));
  desk.send();
  desk.now += 86400;
  desk.reopen();
  CHECK(desk.box->entries().size() == 2);
  desk.now += 90000;
  desk.reopen();
  REQUIRE(desk.box->entries().size() == 1);
  CHECK(desk.box->entries()[0].incident == "01B");
}

TEST_CASE("the file is rewritten when it has grown and holds the same") {
  Desk desk;
  desk.options.rewrite_bytes = 4000;
  desk.reopen();
  for (std::uint64_t i = 1; i < 200; ++i) {
    desk.plan(fired("01A", i, i % 2 ? Level::crit : Level::warn));
    desk.send();
  }
  CHECK(std::filesystem::file_size(desk.options.path) < 8000);
  auto const before = desk.box->entries();
  desk.reopen();
  CHECK(desk.box->entries() == before);
}

TEST_CASE("an outbox that cannot be written says so, and has all once it can") {
  Desk desk;
  desk.options.rewrite_bytes = 1;
  desk.reopen();
  for (std::uint64_t i = 1; i < 9; ++i) desk.plan(fired("01A", i));  // beyond twice its size
  std::filesystem::remove_all(desk.directory.path());
  bool failed = false;
  for (std::uint64_t i = 9; i < 20; ++i) {
    desk.box->plan(fired("01B", i), {pay}, wall(desk.now));
    failed = failed || !desk.box->sync();
  }
  CHECK(failed);
  CHECK(desk.box->counters().write_failures > 0);
  std::filesystem::create_directories(desk.directory.path());
  REQUIRE(desk.box->sync());
  auto const before = desk.box->entries();
  desk.reopen();
  CHECK(desk.box->entries() == before);
}

TEST_CASE("an outbox cut at any byte still opens, with what was whole") {
  Desk desk;
  desk.plan(fired("01A"));
  desk.plan(fired("01B"));
  desk.box.reset();
  std::ifstream in(desk.options.path, std::ios::binary);
  std::string const bytes{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t cut = 8; cut < bytes.size(); cut += 7) {
    std::ofstream(desk.options.path, std::ios::binary | std::ios::trunc) << bytes.substr(0, cut);
    auto const opened = Outbox::open(desk.options, wall(desk.now), quiet);
    REQUIRE(opened);
    CHECK(opened->entries().size() <= 1);
  }
  std::ofstream(desk.options.path, std::ios::binary | std::ios::trunc) << "other";
  CHECK_FALSE(Outbox::open(desk.options, wall(desk.now), quiet));
}

TEST_CASE("an entry comes back from its record as it was") {
  Entry entry;
  entry.incident = "01A";
  entry.receiver = pay;
  entry.notice = fired("01A", 3);
  entry.phase = Phase::unknown;
  entry.planned = wall(1000);
  entry.changed = wall(1001);
  entry.due = wall(1002);
  entry.attempts = 4;
  entry.doubts = 1;
  entry.batch = "b1";
  entry.flying = Told{3, Status::firing, Level::crit};
  entry.flying_batch = "b2";
  entry.told = Told{2, Status::nodata, Level::none};
  entry.detail = "451 later";
  auto const back = parse_outbox_record(entry_record(entry));
  REQUIRE(back);
  REQUIRE(*back);
  CHECK(**back == entry);
  CHECK_FALSE(*parse_outbox_record(outbox_header()));
  for (auto const* bad : {"", "{}", R"({"type":"entry"})", R"({"type":"outbox","version":2})"})
    CHECK_FALSE(parse_outbox_record(bad));
}
