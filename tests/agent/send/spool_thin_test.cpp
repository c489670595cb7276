// A spool's segments are thinned: what stays, what comes back, and what a crash leaves.

#include <sys/resource.h>

#include <csignal>
#include <map>
#include <set>

#include "agent/send/spool_record.hpp"
#include "spool_files.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace dadvisor::test;
using delivery::Place;

namespace {

using Frames = std::map<std::uint64_t, std::string>;

Frames frames_of(Spool& spool) {
  Frames frames;
  for (auto const record : records(spool)) frames[record] = *spool.read(record);
  return frames;
}

Loss const told{LossReason::thinned, at(10), at(30), 2};

// A segment of four batches, of which the third has a place and the fourth is done, and another.
struct Filled {
  Directory directory;
  Numbers kept;
  Frames all;

  Spool fill() {
    auto spool = open(options(directory, 500));
    for (int i = 0; i < 7; ++i)
      kept.push_back(add(spool, "frame " + std::to_string(i) + std::string(100, 'x'), i * 10));
    REQUIRE(spool.place(kept[2], {Lane::backlog, 4}));
    spool.done(kept[3]);
    all = frames_of(spool);
    return spool;
  }
};

}  // namespace

TEST_CASE("what leaves a segment gives its bytes back; the rest is read, also in the next run") {
  Filled filled;
  auto const& kept = filled.kept;
  {
    auto spool = filled.fill();
    auto const part = spool.part_to_thin();
    REQUIRE(part);
    CHECK(part->records == Numbers{kept[0], kept[1], kept[2]});
    CHECK_FALSE(part->before);
    CHECK(part->behind == kept[4]);
    auto const before = spool.counters().bytes;
    REQUIRE(spool.thin(part->segment, {kept[0], kept[1]}, {told}));
    // Two frames of their own, and one that was done.
    CHECK(spool.counters().bytes < before - 250);
    filled.all.erase(kept[0]);
    filled.all.erase(kept[1]);
    CHECK(frames_of(spool) == filled.all);
    // It is not tried again.
    CHECK((!spool.part_to_thin() || spool.part_to_thin()->segment != part->segment));
  }
  std::uint64_t bytes = 0;
  for (auto const& segment : filled.directory.segments()) bytes += files::file_size(segment);
  auto spool = open(options(filled.directory, 500));
  CHECK(spool.counters().bytes == bytes + spool_record::begins_bytes);  // its own segment
  CHECK(frames_of(spool) == filled.all);
  CHECK(spool.held()[0].place == Place{Lane::backlog, 4});
  CHECK(spool.counters().damaged == 0);
  CHECK(spool.damages().empty());
  CHECK((!spool.part_to_thin() || spool.part_to_thin()->records.front() != kept[2]));
}

TEST_CASE("a segment of which all goes is gone when that was told") {
  Filled filled;
  auto const& kept = filled.kept;
  {
    auto spool = filled.fill();
    spool.done(kept[2]);
    auto const thinned = filled.directory.segments().front();
    REQUIRE(spool.thin(spool.part_to_thin()->segment, {kept[0], kept[1]}, {told}));
    CHECK(files::exists(thinned));
    add(spool, "tells", 100);
    REQUIRE(spool.sync());
    add(spool, "another", 110);
    spool.done(kept[4]);
    CHECK_FALSE(files::exists(thinned));
  }
  auto spool = open(options(filled.directory, 500));
  CHECK(records(spool) == Numbers{kept[5], kept[6], kept[6] + 1, kept[6] + 2});
  CHECK(spool.take_untold().empty());
}

TEST_CASE("what was thinned is told by the batch behind it, or by the next run") {
  Filled filled;
  auto const& kept = filled.kept;
  bool const written = GENERATE(true, false);
  {
    auto spool = filled.fill();
    REQUIRE(spool.thin(spool.part_to_thin()->segment, {kept[0], kept[1]}, {told}));
    CHECK(spool.take_untold().empty());
    if (written) add(spool, "tells", 100);
  }
  auto spool = open(options(filled.directory, 500));
  CHECK(spool.take_untold() == (written ? std::vector<Loss>() : std::vector<Loss>{told}));
  CHECK(spool.take_untold().empty());
}

TEST_CASE("a crash at any write of thinning leaves the old segment or the new one") {
  Filled filled;
  auto const& kept = filled.kept;
  std::map<std::string, std::string> before;
  std::string after, name;
  {
    auto spool = filled.fill();
    for (auto const& segment : filled.directory.segments()) before[segment] = contents(segment);
    name = filled.directory.segments().front();
    REQUIRE(spool.thin(spool.part_to_thin()->segment, {kept[0], kept[1]}, {told}));
    after = contents(name);
    REQUIRE(after != before[name]);
  }
  auto thinned = filled.all;
  thinned.erase(kept[0]);
  thinned.erase(kept[1]);
  for (std::size_t size = 0; size <= after.size() + 1; ++size) {
    INFO(size);
    bool const renamed = size > after.size();
    for (auto const& segment : filled.directory.segments()) files::remove(segment);
    for (auto const& [path, bytes] : before) replace(path, bytes);
    if (renamed)
      replace(name, after);
    else
      replace(filled.directory.path + "/" + spool_record::thinning_name, after.substr(0, size));
    auto spool = open(options(filled.directory, 500));
    REQUIRE(frames_of(spool) == (renamed ? thinned : filled.all));
    REQUIRE(spool.take_untold().size() == (renamed ? 1 : 0));
    REQUIRE(spool.counters().damaged == 0);
    REQUIRE_FALSE(files::exists(filled.directory.path + "/" + spool_record::thinning_name));
  }
}

TEST_CASE("a thinned segment that is flipped loses what was flipped, and the rest is read") {
  Filled filled;
  auto const& kept = filled.kept;
  {
    auto spool = filled.fill();
    REQUIRE(spool.thin(spool.part_to_thin()->segment, {kept[0]}, {told}));
  }
  auto all = filled.all;
  all.erase(kept[0]);
  auto const name = filled.directory.segments().front();
  auto const whole = contents(name);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    INFO(i);
    auto flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    for (auto const& segment : filled.directory.segments())
      if (files::file_size(segment) == 0) files::remove(segment);
    replace(name, flipped);
    auto spool = open(options(filled.directory, 500));
    REQUIRE(spool.counters().damaged == 1);
    auto const now = frames_of(spool);
    std::size_t missing = 0;
    for (auto const& [record, frame] : all) {
      auto const found = now.find(record);
      if (found == now.end())
        ++missing;
      else
        REQUIRE(found->second == frame);
    }
    REQUIRE(missing <= 1);
    // A batch that is missing between two others is known to be; what was thinned is not missed.
    for (auto const& damage : spool.damages())
      if (damage.missing) REQUIRE(*damage.missing == missing);
  }
}

TEST_CASE("on a full disk nothing is thinned, and nothing is lost by it") {
  Filled filled;
  auto spool = filled.fill();
  auto const& kept = filled.kept;
  rlimit before{};
  std::signal(SIGXFSZ, SIG_IGN);
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit const none{0, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &none);
  auto const result = spool.thin(spool.part_to_thin()->segment, {kept[0]}, {told});
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK_FALSE(result);
  CHECK(spool.counters().write_failures == 1);
  CHECK(frames_of(spool) == filled.all);
  CHECK_FALSE(files::exists(filled.directory.path + "/" + spool_record::thinning_name));
}
