#include "aggregator/sink/carbon_sink.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "common/core/fd.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator::sink;
using namespace std::chrono_literals;

namespace {

constexpr WallTime start{1'700'000'000s};

// Stands still: retention and cursor are reckoned from it.
class FixedClock final : public Clock {
 public:
  WallTime wall() const override { return start + 10min; }
  MonotonicTime monotonic() const override { return std::chrono::steady_clock::now(); }
};

// A carbon that takes lines: what it got of one connection at a time.
class Listener {
 public:
  explicit Listener(std::uint16_t port = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    int const yes = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket_.get(), 5) == 0);
    socklen_t length = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }

  // Reads until `lines` lines have come in all since the last accept.
  std::vector<std::string> read_lines(std::size_t lines) {
    if (!peer_) {
      wait(socket_);
      peer_ = Fd(::accept(socket_.get(), nullptr, nullptr));
      text_.clear();
    }
    while (static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')) < lines) {
      wait(peer_);
      char buffer[4096];
      auto const n = ::read(peer_.get(), buffer, sizeof buffer);
      REQUIRE(n > 0);
      text_.append(buffer, static_cast<std::size_t>(n));
    }
    std::vector<std::string> found;
    for (std::size_t at = 0, end; (end = text_.find('\n', at)) != std::string::npos; at = end + 1)
      found.push_back(text_.substr(at, end - at));
    return found;
  }
  void hang_up() { peer_.reset(); }

 private:
  static void wait(Fd const& fd) {
    pollfd look{fd.get(), POLLIN, 0};
    REQUIRE(::poll(&look, 1, 10'000) == 1);
  }
  Fd socket_;
  Fd peer_;
  std::uint16_t port_ = 0;
  std::string text_;
};

// One point per 10 s tick: its value is the number of the tick.
Result<void> one_series(WallTime from, WallTime until, PointVisitor const& point) {
  for (auto tick = start; tick <= until; tick += 10s)
    if (tick > from) point("a.b", static_cast<double>((tick - start) / 10s), tick);
  return {};
}

struct Fixture {
  Fixture() {
    char name[] = "/tmp/dadvisor-sink-XXXXXX";
    directory = ::mkdtemp(name);
  }
  ~Fixture() { std::filesystem::remove_all(directory); }

  CarbonOptions options(std::uint16_t port) const {
    CarbonOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.pump.cursor_file = directory + "/cursor";
    options.pump.first_pause = 20ms;
    options.pump.longest_pause = 20ms;
    options.pump.resend_spacing = 0ms;
    return options;
  }
  void put_cursor(WallTime tick) const {
    REQUIRE(replace_file(directory + "/cursor", std::to_string(unix_seconds(tick)) + "\n"));
  }
  std::string cursor() const { return read_file(directory + "/cursor").value(); }

  std::string directory;
  FixedClock clock;
  Log log{"test", LogLevel::error};
};

std::string line(int number) {
  return "a.b " + std::to_string(number) + " " + std::to_string(1'700'000'000 + 10 * number);
}

}  // namespace

TEST_CASE_METHOD(Fixture, "every tick up to the ready one is sent once, and the cursor follows") {
  Listener carbon;
  put_cursor(start + 2min);  // stepped back: from the start on
  {
    CarbonSink sink(options(carbon.port()), one_series, clock, log);
    sink.ready(start + 30s);
    auto const lines = carbon.read_lines(3);
    CHECK(lines == std::vector<std::string>{line(1), line(2), line(3)});
    sink.ready(start + 50s);
    CHECK(carbon.read_lines(5).size() == 5);
  }
  CHECK(cursor() == std::to_string(unix_seconds(start + 50s)) + "\n");
}

TEST_CASE_METHOD(Fixture, "after a broken connection the last two minutes are sent again") {
  Listener carbon;
  put_cursor(start + 2min);
  CarbonSink sink(options(carbon.port()), one_series, clock, log);
  sink.ready(start + 200s);
  CHECK(carbon.read_lines(20).back() == line(20));
  carbon.hang_up();
  sink.ready(start + 210s);
  auto const lines = carbon.read_lines(13);
  CHECK(lines.front() == line(9));  // 200 s less 120 s, exclusive
  CHECK(lines.back() == line(21));
}

TEST_CASE_METHOD(Fixture, "a carbon that comes later gets everything") {
  std::uint16_t port = 0;
  {
    Listener carbon;
    port = carbon.port();
  }
  put_cursor(start + 2min);
  CarbonSink sink(options(port), one_series, clock, log);
  sink.ready(start + 300s);
  while (sink.counters().failures < 3) std::this_thread::yield();
  CHECK(sink.counters().points == 0);
  Listener carbon(port);
  auto const lines = carbon.read_lines(30);
  CHECK(lines.front() == line(1));
  CHECK(lines.back() == line(30));
}

TEST_CASE_METHOD(Fixture, "a tick that changed is sent again, the cursor stays") {
  Listener carbon;
  put_cursor(start + 2min);
  CarbonSink sink(options(carbon.port()), one_series, clock, log);
  sink.ready(start + 100s);
  CHECK(carbon.read_lines(10).size() == 10);
  while (sink.counters().cursor != start + 100s) std::this_thread::yield();
  sink.changed(start + 40s);
  sink.changed(start + 900s);  // not sent yet: nothing to correct
  sink.ready(start + 110s);
  auto lines = carbon.read_lines(12);
  std::sort(lines.begin() + 10, lines.end());
  CHECK(lines[10] == line(11));
  CHECK(lines[11] == line(4));
}

TEST_CASE_METHOD(Fixture, "what fell out of the retention is skipped and counted") {
  Listener carbon;
  put_cursor(start + 2min);
  auto bounded = options(carbon.port());
  bounded.pump.retention = 9min;  // the clock stands at 10 min: from 60 s on
  CarbonSink sink(bounded, one_series, clock, log);
  sink.ready(start + 100s);
  CHECK(carbon.read_lines(4).front() == line(7));
  CHECK(sink.counters().skipped_seconds == 60);
}

TEST_CASE_METHOD(Fixture, "a path that carbon would store elsewhere is not sent but counted") {
  Listener carbon;
  put_cursor(start + 2min);
  CarbonSink sink(
      options(carbon.port()),
      [](WallTime, WallTime until, PointVisitor const& point) -> Result<void> {
        point("a../b", 1, until);
        point("a.ok", 2, until);
        return {};
      },
      clock, log);
  sink.ready(start + 10s);
  CHECK(carbon.read_lines(1).front().starts_with("a.ok 2"));
  while (sink.counters().refused == 0) std::this_thread::yield();
  CHECK(sink.counters().refused == 1);
}

TEST_CASE_METHOD(Fixture, "a carbon that reads nothing does not keep the sink from ending") {
  Listener carbon;  // never accepts, never reads
  put_cursor(start + 2min);
  auto const before = std::chrono::steady_clock::now();
  {
    CarbonSink sink(
        options(carbon.port()),
        [](WallTime, WallTime until, PointVisitor const& point) -> Result<void> {
          for (int i = 0; i < 400'000; ++i) point("a.b", 1, until);
          return {};
        },
        clock, log);
    sink.ready(start + 10s);
    while (sink.counters().connects == 0) std::this_thread::yield();
  }
  CHECK(std::chrono::steady_clock::now() - before < 5s);
}
