#include "agent/send/sender.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>

#include "common/core/frame/frame.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using delivery::BatchesReply;
using delivery::LaneMarks;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::int64_t day_one = 1700000000;

struct HandClock final : Clock {
  WallTime now = from_unix_seconds(day_one);
  MonotonicTime mono{std::chrono::hours(1)};
  WallTime wall() const override { return now; }
  MonotonicTime monotonic() const override { return mono; }
  void advance(Nanoseconds time) {
    now += time;
    mono += time;
  }
};

struct Posted {
  std::string path;
  std::string body;
  std::function<void(Result<PostReply>)> callback;
};

// The world of one sender, by hand.
struct World {
  std::string directory;
  HandClock clock;
  std::deque<Posted> posted;
  std::function<void()> later;
  Nanoseconds delay{};
  SenderOptions options;
  std::unique_ptr<Sender> sender;

  struct HandTransport final : Transport {
    World& world;
    explicit HandTransport(World& w) : world(w) {}
    void post(std::string_view path, std::string_view, std::string body,
              std::function<void(Result<PostReply>)> callback) override {
      world.posted.push_back({std::string(path), std::move(body), std::move(callback)});
    }
    void call_after(Nanoseconds time, std::function<void()> function) override {
      world.delay = time;
      world.later = std::move(function);
    }
  };

  World() {
    char name[] = "/tmp/sender-test-XXXXXX";
    directory = ::mkdtemp(name);
    options.agent = "host-1";
    options.aggregators = {"http://127.0.0.1:8686"};
    options.spool.directory = directory + "/spool";
    options.boot_id = "boot";
    start();
  }
  ~World() {
    sender.reset();
    std::filesystem::remove_all(directory);
  }
  void start() {
    sender.reset();
    posted.clear();
    sender = std::make_unique<Sender>(options, std::make_unique<HandTransport>(*this), clock,
                                      Log("send"), 1);
    wake();
  }
  // Lets the time pass that the sender asked for, and calls it.
  void wake() {
    auto const function = std::move(later);
    later = nullptr;
    clock.advance(delay);
    if (function) function();
  }
  Posted take() {
    REQUIRE(posted.size() == 1);  // never two at once
    auto request = std::move(posted.front());
    posted.pop_front();
    return request;
  }
  void answer(unsigned status, std::string const& body,
              std::optional<Nanoseconds> retry = std::nullopt) {
    take().callback(PostReply{status, body, retry});
  }
  void welcome(LaneMarks hi = {}) {
    REQUIRE(posted.front().path == delivery::hello_path);
    delivery::HelloReply reply;
    reply.hi = hi;
    answer(200, to_json(reply));
  }
  void acknowledge(LaneMarks acked) {
    BatchesReply reply;
    reply.acked = acked;
    answer(200, to_json(reply));
  }
  // The frames of the request that is under way.
  std::vector<std::string> frames() {
    REQUIRE(posted.size() == 1);
    REQUIRE(posted.front().path == delivery::batches_path);
    auto const batches = delivery::parse_batches(posted.front().body);
    REQUIRE(batches);
    std::vector<std::string> frames;
    for (auto const frame : batches->frames) frames.emplace_back(frame);
    return frames;
  }
  Batch tick(int number) const {
    Batch batch;
    batch.tick = from_unix_seconds(day_one + 10 * number);
    batch.step = seconds(10);
    batch.schemas = {{{1, 2}}};
    batch.entities = {{0, {{EntityKind::host, "host-1", "", 0}, {{"host", "host-1"}}}}};
    batch.rows = {{0, 0, {number, std::nullopt}}};
    return batch;
  }
  void submit(int number) {
    auto const time = from_unix_seconds(day_one + 10 * number);
    if (time > clock.now) clock.advance(time - clock.now);
    sender->submit(std::make_shared<Batch>(tick(number)));
  }
};

// Also of a delta frame.
std::int64_t number_of(std::string const& frame) {
  return (unix_seconds(peek_frame(frame)->tick) - day_one) / 10;
}
std::int64_t value_of(Batch const& batch) { return batch.rows.at(0).cells.at(0).value(); }

}  // namespace

TEST_CASE("agents spread their sending over a second, or a quarter of a short step") {
  std::vector<std::int64_t> tenths(10);
  for (int i = 0; i < 1000; ++i) {
    auto const offset = send_offset("host-" + std::to_string(i), seconds(10));
    REQUIRE((offset >= Nanoseconds::zero() && offset < seconds(1)));
    ++tenths[static_cast<std::size_t>(offset / milliseconds(100))];
    REQUIRE(send_offset("host-" + std::to_string(i), seconds(1)) < milliseconds(250));
  }
  for (auto const count : tenths) CHECK((count > 60 && count < 140));
}

TEST_CASE("a tick is sent at its time, as a key frame, then as deltas, and leaves the spool") {
  World world;
  world.welcome();
  world.submit(0);
  CHECK(world.posted.empty());
  CHECK(world.delay == send_offset("host-1", seconds(10)));
  world.wake();
  auto const first = decode_frame(world.frames().at(0), nullptr);
  REQUIRE(first);
  CHECK(first->stream == StreamId{"host-1", static_cast<std::uint64_t>(day_one)});
  CHECK(first->sequence == 1);
  CHECK(first->tick == from_unix_seconds(day_one));
  CHECK(world.sender->counters().waiting == 1);
  world.acknowledge({1, 0});
  CHECK(world.sender->counters().waiting == 0);
  CHECK(world.sender->counters().spool.batches == 0);
  CHECK(world.sender->counters().acknowledged == 1);

  world.submit(1);
  world.wake();
  auto const frame = world.frames().at(0);
  CHECK(peek_frame(frame)->base == 1);
  CHECK(value_of(*decode_frame(frame, &*first)) == 1);
  CHECK(world.sender->counters().delta_frames == 1);
  CHECK(world.sender->counters().spool.syncs == 0);  // a healthy link costs none
}

TEST_CASE("while nothing answers, batches are synced; then the newest is first and none is lost") {
  World world;
  world.take().callback(Error{Errc::unavailable, 0, "connection refused"});
  for (int i = 0; i < 30; ++i) {
    world.submit(i);
    while (!world.posted.empty()) world.take().callback(Error{Errc::timeout, 0, "no answer"});
  }
  CHECK(world.sender->counters().spool.batches == 30);
  CHECK(world.sender->counters().spool.syncs == 29);  // all but the first had one waiting
  std::vector<std::int64_t> fresh;
  std::vector<std::int64_t> backlog;
  LaneMarks acked;
  for (int i = 0; i < 60 && world.sender->counters().waiting > 0; ++i) {
    if (world.posted.empty()) {
      world.wake();
    } else if (world.posted.front().path == delivery::hello_path) {
      world.welcome(acked);
    } else {
      for (auto const& frame : world.frames()) {
        auto const batch = decode_frame(frame, nullptr);
        REQUIRE(batch);
        REQUIRE(batch->sequence == ++acked[batch->lane]);
        (batch->lane == Lane::fresh ? fresh : backlog).push_back(value_of(*batch));
      }
      world.acknowledge(acked);
    }
  }
  CHECK(fresh == std::vector<std::int64_t>{29});
  REQUIRE(backlog.size() == 29);
  for (std::size_t i = 0; i < backlog.size(); ++i)
    CHECK(backlog[i] == static_cast<std::int64_t>(i));
  CHECK(world.sender->counters().lost == 0);
}

TEST_CASE("an agent that is killed sends again what was not acknowledged, in its place") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  auto const before = world.frames().at(0);
  world.start();  // the answer never came
  auto const hello = delivery::parse_hello(world.posted.front().body);
  REQUIRE(hello);
  CHECK(hello->first == LaneMarks{1, 1});
  world.welcome();
  CHECK(world.frames().at(0) == before);
  world.start();
  world.welcome({1, 0});  // it had arrived
  CHECK(world.sender->counters().waiting == 0);
  world.submit(1);
  world.wake();
  CHECK(peek_frame(world.frames().at(0))->sequence == 2);
}

TEST_CASE("each run has another instance, and says it in both requests") {
  World world;
  auto const first = delivery::parse_hello(world.posted.front().body)->instance;
  world.options.instance = "chosen";
  world.start();
  CHECK(delivery::parse_hello(world.posted.front().body)->instance == "chosen");
  CHECK(first != "chosen");
  world.welcome();
  world.submit(0);
  world.wake();
  CHECK(delivery::parse_batches(world.posted.front().body)->instance == "chosen");
}

TEST_CASE("Retry-After is kept; other refusals of the request drop nothing") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  world.answer(503, "disk full\n", seconds(20));
  CHECK((world.delay >= seconds(20) && world.delay <= seconds(21)));
  world.wake();
  CHECK(world.frames().size() == 1);  // the session goes on
  for (unsigned const status : {401u, 403u, 404u, 415u, 500u, 301u}) {
    world.answer(status, "no\n");
    CHECK(world.sender->counters().waiting == 1);
    CHECK(world.delay > Nanoseconds::zero());
    world.wake();
    world.welcome();
  }
  world.answer(200, "not what it must be");
  CHECK(world.sender->counters().waiting == 1);
  CHECK(world.sender->counters().failed_requests == 8);
}

TEST_CASE("a batch that is called malformed is set aside alone, the others arrive") {
  World world;
  for (int i = 0; i < 3; ++i) world.submit(i);
  world.clock.advance(seconds(1));
  world.welcome();
  CHECK(world.frames().size() == 3);
  std::vector<std::int64_t> taken;
  LaneMarks hi;
  for (int i = 0; i < 20 && world.sender->counters().waiting > 0; ++i) {
    if (world.posted.empty()) {
      world.wake();
    } else if (world.posted.front().path == delivery::hello_path) {
      auto const first = delivery::parse_hello(world.posted.front().body)->first.fresh;
      hi.fresh = std::max(hi.fresh, first - 1);
      world.welcome(hi);
    } else {
      std::vector<std::int64_t> values;
      for (auto const& frame : world.frames()) values.push_back(number_of(frame));
      if (std::count(values.begin(), values.end(), 1) > 0) {
        world.answer(400, "frame: its rows\n");
        continue;
      }
      taken.insert(taken.end(), values.begin(), values.end());
      hi.fresh += values.size();
      world.acknowledge(hi);
    }
  }
  CHECK(taken == std::vector<std::int64_t>{0, 2});
  CHECK(world.sender->counters().set_aside == 1);
  CHECK(world.sender->counters().dropped_rows == 1);
  CHECK(world.sender->counters().spool.batches == 0);
}

TEST_CASE("an epoch that is over is raised, for good, and the batches go under the new one") {
  World world;
  world.submit(0);
  delivery::HelloReply reply;
  reply.kind = delivery::HelloReply::Kind::old_epoch;
  reply.epoch = day_one + 7;
  world.answer(409, to_json(reply));
  CHECK(delivery::parse_hello(world.posted.front().body)->epoch == day_one + 8);
  world.welcome();
  world.wake();
  CHECK(decode_frame(world.frames().at(0), nullptr)->stream.epoch == day_one + 8);
  world.start();
  CHECK(delivery::parse_hello(world.posted.front().body)->epoch == day_one + 8);
  world.welcome();  // from the spool this time
  CHECK(decode_frame(world.frames().at(0), nullptr)->stream.epoch == day_one + 8);
}

TEST_CASE("a conflict is counted and tried again later") {
  World world;
  delivery::HelloReply reply;
  reply.kind = delivery::HelloReply::Kind::conflict;
  reply.text = "two";
  world.answer(409, to_json(reply));
  CHECK(world.sender->counters().conflicts == 1);
  CHECK(world.delay > Nanoseconds::zero());
  world.wake();
  world.welcome();
  CHECK(world.sender->counters().connected);
}

TEST_CASE("a change of schema makes a key frame; names are escaped; misfits are not sent") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  world.acknowledge({1, 0});
  auto batch = world.tick(1);
  batch.schemas[0].metrics.push_back(3);
  batch.rows[0].cells.push_back(5);
  batch.entities.edit()[0].entity.labels = {{"app", "a\nb" + std::string(1 << 20, 'x')}};
  world.clock.now = batch.tick;
  world.sender->submit(std::make_shared<Batch>(batch));
  world.wake();
  auto const sent = decode_frame(world.frames().at(0), nullptr);
  REQUIRE(sent);
  auto const app = sent->entities[0].entity.labels.front().second;
  CHECK(app.substr(0, 6) == "a\\x0ab");
  CHECK(app.size() <= frame_limit::label_value_bytes);

  batch.rows[0].cells.pop_back();
  world.sender->submit(std::make_shared<Batch>(batch));
  CHECK(world.sender->counters().unfit == 1);
  CHECK(world.sender->counters().dropped_rows == 1);
  CHECK(world.sender->counters().waiting == 1);
}

TEST_CASE("strict syncs each batch; flush_for_exit what is left; a bad spool stops the start") {
  World world;
  world.options.strict = true;
  world.start();
  world.submit(0);
  CHECK(world.sender->counters().spool.syncs == 1);
  world.options.strict = false;
  world.start();
  world.welcome();
  world.acknowledge({0, 1});
  world.submit(1);
  CHECK(world.sender->counters().spool.syncs == 0);
  world.sender->flush_for_exit();
  CHECK(world.sender->counters().spool.syncs == 1);

  CHECK_THROWS_AS(Sender(world.options, std::make_unique<World::HandTransport>(world), world.clock,
                         Log("send"), 1),
                  std::runtime_error);  // the spool is in use
  auto nameless = world.options;
  nameless.spool.directory += "-2";
  nameless.agent.clear();
  CHECK_THROWS_AS(
      Sender(nameless, std::make_unique<World::HandTransport>(world), world.clock, Log("send"), 1),
      std::runtime_error);
}

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
  CHECK(world.sender->counters().spool.dropped_old == 2);
  CHECK(world.sender->counters().lost == 0);
  std::uint64_t const arrived = GENERATE(0u, 1u, 2u);
  if (arrived == 0)
    world.take().callback(Error{Errc::timeout, 0, "no answer"});
  else
    world.acknowledge({arrived, 0});
  CHECK(world.sender->counters().lost == 2 - arrived);
  CHECK(world.sender->counters().dropped_rows == 2 - arrived);
  CHECK(world.sender->counters().acknowledged == arrived);
  // The next batch tells of what is lost, and of nothing else. A new schema: it is a key frame.
  auto next = world.tick(9);
  next.schemas = {{{1, 2, 3}}};
  next.rows = {{0, 0, {9, std::nullopt, std::nullopt}}};
  world.clock.advance(seconds(10));
  world.sender->submit(std::make_shared<Batch>(next));
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

TEST_CASE("what a start finds damaged may be a loss, and is told with the first batch") {
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
  auto const near = world.tick(0).tick;  // the oldest that is held
  CHECK(decode_frame(newest, nullptr)->losses ==
        std::vector<Loss>{{LossReason::damaged, near, near, 0}});
}

TEST_CASE("requests tell the clock; the offset that comes back is kept until nothing answers") {
  World world;
  world.welcome();
  world.submit(0);
  world.wake();
  CHECK(delivery::parse_batches(world.posted.front().body)->sent == world.clock.now);
  CHECK_FALSE(world.sender->counters().clock_offset);
  BatchesReply reply;
  reply.acked = {1, 0};
  reply.clock_offset = milliseconds(-60);
  world.answer(200, to_json(reply));
  CHECK(world.sender->counters().clock_offset == milliseconds(-60));
  world.submit(1);
  world.wake();
  world.answer(502, "");
  CHECK_FALSE(world.sender->counters().clock_offset);
}

TEST_CASE("rows that the aggregator refuses are counted, of either lane") {
  World world;
  for (int i = 0; i < 12; ++i) world.submit(i);  // all but the newest go to the backlog lane
  world.clock.advance(seconds(1));
  world.welcome();
  auto const frames = world.frames();
  BatchesReply reply;
  for (auto const& frame : frames) {
    auto const header = peek_frame(frame);
    reply.acked[header->lane] = std::max(reply.acked[header->lane], header->sequence);
    reply.refused.push_back({header->lane, header->sequence, "no"});
  }
  REQUIRE(reply.acked.backlog > 0);
  REQUIRE(reply.acked.fresh > 0);
  world.answer(200, to_json(reply));
  CHECK(world.sender->counters().dropped_rows == frames.size());
}
