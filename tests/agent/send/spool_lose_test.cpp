// What a spool gives up: its word of that is on the disk before the batches are not, and is told
// once.

#include <sys/resource.h>

#include <csignal>
#include <map>

#include "agent/send/spool_record.hpp"
#include "spool_files.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;

namespace {

using Files = std::map<std::string, std::string>;

Files files_of(Directory const& directory) {
  Files all;
  for (auto const& entry : files::directory_iterator(directory.path))
    all[entry.path().string()] = contents(entry.path().string());
  return all;
}
void put_back(Directory const& directory, Files const& all) {
  files::remove_all(directory.path);
  files::create_directory(directory.path);
  for (auto const& [name, bytes] : all) replace(name, bytes);
}

// As a kill does: nothing is written any more, and another may open it.
void close(Spool& spool) { spool = open(options(Directory())); }

// Four batches in two segments; the bounds allow no more.
struct Full {
  Directory directory;
  SpoolOptions small = options(directory, 500);
  Numbers kept;
  std::vector<Loss> const lost{{LossReason::full, at(0), at(10), 2}};

  Full() { small.max_bytes = 2000; }
  Spool fill() {
    auto spool = open(small);
    for (int i = 0; i < 4; ++i) kept.push_back(add(spool, std::string(230, 'x'), 10 * i));
    REQUIRE(spool.sync());
    REQUIRE(directory.segments().size() == 2);
    return spool;
  }
  void drop(Spool& spool) {
    Numbers losing;
    spool.trim(at(40), 1200, [&](std::span<Spool::Dropped const> those) {
      for (auto const& one : those) losing.push_back(one.record);
      // While it is called all is there as before.
      for (auto const& one : those) REQUIRE(spool.read(one.record));
      return lost;
    });
    REQUIRE(losing == Numbers{kept[0], kept[1]});
  }
};

}  // namespace

TEST_CASE("a run that is killed behind a drop leaves the word of it to the next") {
  Full full;
  auto const& kept = full.kept;
  bool const told = GENERATE(false, true);
  {
    auto spool = full.fill();
    auto const segments = full.directory.segments();
    auto const syncs = spool.counters().syncs;
    full.drop(spool);
    CHECK(spool.counters().syncs > syncs);  // the word is on the disk
    CHECK(full.directory.segments().front() != segments.front());
    if (told) add(spool, "tells", 40);
  }
  {
    auto spool = open(full.small);
    CHECK(records(spool).size() == (told ? 3 : 2));
    CHECK(records(spool).front() == kept[2]);
    CHECK(spool.damages().empty());
    CHECK(spool.take_untold() == (told ? std::vector<Loss>() : full.lost));
    // Killed before any batch of its own.
  }
  auto spool = open(full.small);
  CHECK(spool.take_untold() == (told ? std::vector<Loss>() : full.lost));
  add(spool, "tells", 50);
  close(spool);
  CHECK(open(full.small).take_untold().empty());
}

TEST_CASE("a crash between the word of a drop and the drop: what is told is not sent as well") {
  Full full;
  auto const& kept = full.kept;
  Files before, after;
  std::string oldest;
  {
    auto spool = full.fill();
    oldest = full.directory.segments().front();
    before = files_of(full.directory);
    full.drop(spool);
    after = files_of(full.directory);
  }
  auto const newest = full.directory.segments().back();
  auto const old_bytes = before[newest].size();
  REQUIRE(after[newest].size() > old_bytes);
  // The word itself, cut anywhere; the old segment still there.
  for (auto size = old_bytes; size <= after[newest].size(); ++size) {
    INFO(size);
    auto crashed = before;
    crashed[newest] = after[newest].substr(0, size);
    put_back(full.directory, crashed);
    bool const whole = size == after[newest].size();
    {
      auto spool = open(full.small);
      REQUIRE(records(spool) == (whole ? Numbers{kept[2], kept[3]} : kept));
      REQUIRE(spool.take_untold() == (whole ? full.lost : std::vector<Loss>()));
      REQUIRE(files::exists(oldest) == !whole);
    }
    // Nor in the run behind that.
    auto spool = open(full.small);
    REQUIRE(records(spool) == (whole ? Numbers{kept[2], kept[3]} : kept));
  }
}

TEST_CASE("what was told stays told when the batch that told it has gone long since") {
  Full full;
  {
    auto spool = full.fill();
    full.drop(spool);
    auto const tells = add(spool, "tells", 40);
    REQUIRE(spool.sync());
    spool.done(tells);
    // Its segment goes, that of the word stays: a batch in it waits.
    auto const newest = add(spool, std::string(600, 'x'), 50);
    spool.done(newest);
    spool.done(add(spool, "on", 60));
  }
  for (int run = 0; run < 3; ++run) {
    auto spool = open(full.small);
    CHECK(records(spool) == Numbers{full.kept[2], full.kept[3]});
    CHECK(spool.take_untold().empty());
    CHECK(spool.new_record() == full.kept[3] + 4);  // none is given twice
  }
}

TEST_CASE("a loss waits in its segment until it is told, whatever else in it is done") {
  Full full;
  auto spool = full.fill();
  full.drop(spool);
  auto const with_word = full.directory.segments().back();
  spool.done(full.kept[2]);
  spool.done(full.kept[3]);
  REQUIRE(records(spool).empty());
  auto const copy = files_of(full.directory);
  CHECK(copy.contains(with_word));
  spool.done(add(spool, "tells", 40));
  for (int i = 0; i < 400; ++i) spool.done(add(spool, std::string(1000, 'x'), 50 + i));
  CHECK_FALSE(files::exists(with_word));
  CHECK(full.directory.segments().size() <= 2);
  close(spool);
  put_back(full.directory, copy);
  CHECK(open(full.small).take_untold() == full.lost);
}

TEST_CASE("what a request carries is not dropped before its answer") {
  Full full;
  auto const& kept = full.kept;
  auto spool = full.fill();
  auto const in_request = [&](std::uint64_t record) { return record == kept[1]; };
  auto const dropped = spool.trim(at(40), 1200, {}, in_request);
  CHECK(dropped.size() == 1);
  CHECK(records(spool) == Numbers{kept[1], kept[2], kept[3]});
  auto const old = spool.trim(at(24 * 3600 + 25), 0, {}, in_request);
  CHECK(old.size() == 1);
  CHECK(records(spool) == Numbers{kept[1], kept[3]});
}

TEST_CASE("batches that a full disk did not take are nothing that a start misses") {
  Directory directory;
  {
    auto spool = open(options(directory));
    add(spool, "before", 0);
    rlimit before{};
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit const none{0, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
    for (int i = 1; i < 4; ++i)
      CHECK_FALSE(spool.append(spool.new_record(), at(10 * i), "nowhere"));
    ::setrlimit(RLIMIT_FSIZE, &before);
    add(spool, "behind", 40);
  }
  auto const spool = open(options(directory));
  CHECK(records(spool) == Numbers{1, 5});
  CHECK(spool.damages().empty());
  CHECK(spool.counters().damaged == 0);
}

TEST_CASE("a synced end that was cut off between two records is missed, another is not") {
  Directory directory;
  std::string newest, whole;
  std::size_t record_bytes = 0;
  {
    auto spool = open(options(directory));
    for (int i = 0; i < 4; ++i) add(spool, std::string(50, 'x'), 10 * i);
    REQUIRE(spool.sync());
    add(spool, std::string(50, 'x'), 40);  // nobody was promised that
    newest = directory.segments().back();
    whole = contents(newest);
    record_bytes = (whole.size() - spool_record::begins_bytes) / 5;
  }
  auto const state = files_of(directory);
  for (std::size_t kept = 0; kept <= 5; ++kept) {
    INFO(kept);
    put_back(directory, state);
    replace(newest, whole.substr(0, spool_record::begins_bytes + kept * record_bytes));
    {
      auto spool = open(options(directory));
      REQUIRE(records(spool).size() == kept);
      if (kept >= 4) {
        REQUIRE(spool.damages().empty());
        REQUIRE(spool.counters().damaged == 0);
        continue;
      }
      REQUIRE(spool.counters().damaged == 1);
      REQUIRE(spool.damages().size() == 1);
      auto const& damage = spool.damages().front();
      REQUIRE(damage.missing == 4 - kept);
      REQUIRE(damage.before.has_value() == (kept > 0));
      if (kept > 0) REQUIRE(damage.before == at(10 * static_cast<int>(kept) - 10));
      // Until it is told every run finds it.
    }
    auto const loss = Loss{LossReason::damaged, at(10), at(30), 4 - kept};
    {
      auto spool = open(options(directory));
      REQUIRE(spool.damages().size() == 1);
      REQUIRE(spool.settle_damages({loss}));
    }
    // And then none does, but for the word of it until a batch has that.
    auto spool = open(options(directory));
    REQUIRE(spool.damages().empty());
    REQUIRE(spool.take_untold() == std::vector<Loss>{loss});
    add(spool, "tells", 50);
    close(spool);
    spool = open(options(directory));
    REQUIRE(spool.damages().empty());
    REQUIRE(spool.take_untold().empty());
    REQUIRE(records(spool).size() == kept + 1);
  }
}

TEST_CASE("a segment that was cut between two records is missed by the one behind it") {
  Directory directory;
  {
    auto spool = open(options(directory, 300));
    for (int i = 0; i < 9; ++i) add(spool, std::string(100, 'x'), 10 * i);
  }
  auto const state = files_of(directory);
  auto const segments = directory.segments();
  REQUIRE(segments.size() == 3);
  auto const record_bytes = (contents(segments[0]).size() - spool_record::begins_bytes) / 3;
  for (std::size_t which = 0; which < 2; ++which)
    for (std::size_t kept = 0; kept < 3; ++kept) {
      INFO(which << " to " << kept);
      put_back(directory, state);
      auto const size = spool_record::begins_bytes + kept * record_bytes;
      replace(segments[which], contents(segments[which]).substr(0, size));
      auto const spool = open(options(directory, 300));
      REQUIRE(records(spool).size() == 6 + kept);
      REQUIRE(spool.damages().size() == 1);
      auto const& damage = spool.damages().front();
      REQUIRE(damage.missing == 3 - kept);
      REQUIRE(damage.after == at(static_cast<int>(30 * which) + 30));
      REQUIRE(damage.before.has_value() == (which + kept > 0));
    }
  // Cut to nothing: of the first one nobody knows what stood in front.
  put_back(directory, state);
  replace(segments[0], "");
  auto const spool = open(options(directory, 300));
  REQUIRE(spool.damages().size() == 1);
  CHECK_FALSE(spool.damages().front().missing);
}
