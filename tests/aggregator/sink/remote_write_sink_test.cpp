#include "aggregator/sink/remote_write_sink.hpp"

#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <thread>

#include "aggregator/sink/live_series.hpp"
#include "common/core/fd.hpp"
#include "tests/common/curl/scripted_peer.hpp"
#include "written.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::sink;
using namespace std::chrono_literals;
using sink::test::written;

namespace {

constexpr WallTime start{1'700'000'000s};

class FixedClock final : public Clock {
 public:
  WallTime wall() const override { return start + 10min; }
  MonotonicTime monotonic() const override { return std::chrono::steady_clock::now(); }
};

// Takes remote write: each request as "host tick/10s=value ..." lines, answered as `answer` says.
class Receiver {
 public:
  using Answer = std::function<int(std::string const& request)>;
  explicit Receiver(Answer answer)
      : answer_(std::move(answer)), peer_([this](auto& connection) { serve(connection); }) {}
  std::string url() const { return fmt::format("http://127.0.0.1:{}/write", peer_.port()); }
  std::vector<std::string> taken() const {
    std::lock_guard lock(mutex_);
    return taken_;
  }
  std::vector<std::string> head() const {
    std::lock_guard lock(mutex_);
    return head_;
  }

 private:
  void serve(dadvisor::test::Connection& connection) {
    for (;;) {
      std::vector<std::string> head;
      std::size_t length = 0;
      for (auto line = connection.line(); !line.empty(); line = connection.line()) {
        head.push_back(line);
        if (line.rfind("Content-Length: ", 0) == 0) length = std::stoul(line.substr(16));
      }
      if (head.empty()) return;
      auto const request = text_of(connection.bytes(length));
      auto const status = answer_(request);
      {
        std::lock_guard lock(mutex_);
        head_ = head;
        if (status == 200) taken_.push_back(request);
      }
      connection.say(fmt::format("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", status));
    }
  }
  static std::string text_of(std::string const& body) {
    std::string text;
    for (auto const& one : written(body)) {
      auto const host = one.labels.find("host=");
      text += text.empty() ? "" : " ";
      text += one.labels.substr(host + 5, one.labels.find(',', host) - host - 5);
      for (auto const& sample : one.samples)
        text += fmt::format(" {}={}", (sample.time_ms / 1000 - 1'700'000'000) / 10,
                            std::isnan(sample.value) ? "stale" : fmt::format("{}", sample.value));
    }
    return text;
  }

  Answer const answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> head_, taken_;
  dadvisor::test::ScriptedPeer peer_;  // last: its thread uses the others
};

// Hosts "a" and, until `end`, "b", with one figure a tick: the tick's number.
struct Hosts {
  int end = 1000;
  Result<void> operator()(WallTime from, WallTime until, series::PointVisitor const& point) const {
    for (std::string const name : {"a", "b"}) {
      Entity entity;
      entity.key.kind = EntityKind::host;
      entity.key.host = name;
      auto const path = "d.c.hosts." + name;
      auto const whole = path + ".load.1m";
      for (int tick = 1; tick < (name == "b" ? end : 1000); ++tick) {
        auto const time = start + tick * 10s;
        if (time > from && time <= until) point({whole, path, "load.1m", entity}, tick, time);
      }
    }
    return {};
  }
};

struct Fixture {
  Fixture() {
    char name[] = "/tmp/dadvisor-sink-XXXXXX";
    directory = ::mkdtemp(name);
    REQUIRE(replace_file(directory + "/cursor", std::to_string(unix_seconds(start)) + "\n"));
  }
  ~Fixture() { std::filesystem::remove_all(directory); }

  RemoteWriteOptions options(Receiver const& receiver) const {
    RemoteWriteOptions options;
    options.url = receiver.url();
    options.pump.cursor_file = directory + "/cursor";
    options.pump.first_pause = 10ms;
    options.pump.longest_pause = 10ms;
    options.pump.resend_spacing = 0ms;
    return options;
  }
  static void wait_for(RemoteWriteSink const& sink, WallTime cursor) {
    auto const limit = std::chrono::steady_clock::now() + 20s;
    while (sink.counters().cursor != cursor && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(1ms);
    REQUIRE(sink.counters().cursor == cursor);
  }

  std::string directory;
  FixedClock clock;
  Log log{"test", LogLevel::error};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "each tick is written once, and the cursor is on disk") {
  Receiver receiver([](auto const&) { return 200; });
  auto with_token = options(receiver);
  with_token.token = "secret";
  RemoteWriteSink sink(with_token, Hosts{}, clock, log);
  sink.ready(start + 10s);
  wait_for(sink, start + 10s);
  sink.ready(start + 30s);
  wait_for(sink, start + 30s);
  CHECK(receiver.taken() == std::vector<std::string>{"a 1=1 b 1=1", "a 2=2 3=3 b 2=2 3=3"});
  auto const head = receiver.head();
  for (char const* line :
       {"POST /write HTTP/1.1", "Content-Type: application/x-protobuf", "Content-Encoding: snappy",
        "X-Prometheus-Remote-Write-Version: 0.1.0", "Authorization: Bearer secret"})
    CHECK(std::count(head.begin(), head.end(), line) == 1);
  CHECK(sink.counters().samples == 6);
  auto const text = std::to_string(unix_seconds(start + 30s)) + "\n";
  for (int left = 10'000; read_file(directory + "/cursor").value() != text && left > 0; --left)
    std::this_thread::sleep_for(1ms);
  CHECK(read_file(directory + "/cursor").value() == text);
}

TEST_CASE_METHOD(Fixture, "5xx and 429 are tried again from where they failed") {
  std::atomic<int> left = 3;
  Receiver receiver([&](auto const& request) {
    if (!request.starts_with("b")) return 200;
    return left-- > 0 ? (left % 2 == 0 ? 503 : 429) : 200;
  });
  auto small = options(receiver);
  small.most_samples = 1;  // a series a request
  RemoteWriteSink sink(small, Hosts{}, clock, log);
  sink.ready(start + 20s);
  wait_for(sink, start + 20s);
  CHECK(receiver.taken() == std::vector<std::string>{"a 1=1 2=2", "b 1=1 2=2"});
  CHECK(sink.counters().failures == 3);
  CHECK(sink.counters().refused == 0);
}

TEST_CASE_METHOD(Fixture, "what is refused for good is told apart by tick, and counted") {
  // It has tick 1 already, and says so of a whole request.
  Receiver receiver(
      [](auto const& request) { return request.find(" 1=") != std::string::npos ? 400 : 200; });
  RemoteWriteSink sink(options(receiver), Hosts{}, clock, log);
  sink.ready(start + 30s);
  wait_for(sink, start + 30s);
  CHECK(receiver.taken() == std::vector<std::string>{"a 2=2 b 2=2", "a 3=3 b 3=3"});
  CHECK(sink.counters().refused == 2);
  CHECK(sink.counters().samples == 4);
  CHECK(sink.counters().failures == 0);
}

TEST_CASE_METHOD(Fixture, "a series that ends is marked stale, after a restart too") {
  Receiver receiver([](auto const&) { return 200; });
  auto const hosts = Hosts{3};
  {
    RemoteWriteSink sink(options(receiver), hosts, clock, log);
    sink.ready(start + 20s);
    wait_for(sink, start + 20s);
    CHECK(sink.counters().stale == 0);
  }
  RemoteWriteSink sink(options(receiver), hosts, clock, log);
  sink.ready(start + 50s);
  wait_for(sink, start + 50s);
  CHECK(sink.counters().stale == 0);  // 30 s without a figure: not yet
  sink.ready(start + 60s);
  wait_for(sink, start + 60s);
  CHECK(receiver.taken() ==
        std::vector<std::string>{"a 1=1 2=2 b 1=1 2=2", "a 3=3 4=4 5=5", "a 6=6", "b 6=stale"});
  CHECK(sink.counters().stale == 1);
}

TEST_CASE_METHOD(Fixture, "a tick that changed is written again") {
  Receiver receiver([](auto const&) { return 200; });
  RemoteWriteSink sink(options(receiver), Hosts{}, clock, log);
  sink.ready(start + 20s);
  wait_for(sink, start + 20s);
  sink.changed(start + 10s);
  sink.ready(start + 30s);
  wait_for(sink, start + 30s);
  auto const limit = std::chrono::steady_clock::now() + 20s;
  while (receiver.taken().size() < 3 && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(1ms);
  CHECK(receiver.taken() ==
        std::vector<std::string>{"a 1=1 2=2 b 1=1 2=2", "a 3=3 b 3=3", "a 1=1 b 1=1"});
}

TEST_CASE_METHOD(Fixture, "a receiver that is away holds nobody up") {
  RemoteWriteOptions away;
  away.url = "http://127.0.0.1:9/write";
  away.pump.cursor_file = directory + "/cursor";
  away.pump.first_pause = 10s;
  auto const begin = std::chrono::steady_clock::now();
  {
    RemoteWriteSink sink(away, Hosts{}, clock, log);
    sink.ready(start + 20s);
    while (sink.counters().failures == 0 && std::chrono::steady_clock::now() < begin + 20s)
      std::this_thread::sleep_for(1ms);
    CHECK(sink.counters().failures == 1);
    CHECK_FALSE(sink.counters().connected);
  }
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  CHECK(read_file(directory + "/cursor").value() == std::to_string(unix_seconds(start)) + "\n");
}
