#pragma once
// The world of one Sender, by hand: its clock, its link, and what the other end answers.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/send/sender.hpp"
#include "common/core/frame/frame.hpp"
#include "tests/hand_clock.hpp"

namespace dadvisor::test {

using namespace agent;
using delivery::BatchesReply;
using delivery::LaneMarks;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::int64_t day_one = HandClock::day_one;

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
inline std::int64_t number_of(std::string const& frame) {
  return (unix_seconds(peek_frame(frame)->tick) - day_one) / 10;
}
inline std::int64_t value_of(Batch const& batch) { return batch.rows.at(0).cells[0].value(); }

}  // namespace dadvisor::test
