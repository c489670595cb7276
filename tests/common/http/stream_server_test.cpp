#include "common/http/stream_server.hpp"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::http;
using namespace std::chrono_literals;

namespace {

struct Heard {
  std::vector<std::string> lines;
  std::vector<std::size_t> closed;
};

class Lines final : public StreamReader {
 public:
  explicit Lines(Heard& heard) : heard_(heard) {}
  std::optional<std::size_t> take(std::string_view bytes) override {
    std::size_t taken = 0;
    for (auto end = bytes.find('\n'); end != std::string_view::npos;
         end = bytes.find('\n', taken)) {
      if (bytes.substr(taken, end - taken) == "bad") return std::nullopt;
      heard_.lines.emplace_back(bytes.substr(taken, end - taken));
      taken = end + 1;
    }
    return taken;
  }
  void closed(std::size_t left) override { heard_.closed.push_back(left); }

 private:
  Heard& heard_;
};

// A server on a loop that the test turns by itself.
struct Served {
  Loop loop;
  Heard heard;
  std::unique_ptr<StreamServer> server;

  explicit Served(StreamOptions options = {}) {
    auto listening = StreamServer::listen(
        loop, options, [this](std::string const&) { return std::make_unique<Lines>(heard); });
    REQUIRE(listening);
    server = std::move(*listening);
  }
  // Runs the loop until `done` says so; false after ten seconds.
  bool until(std::function<bool()> const& done) {
    auto const end = std::chrono::steady_clock::now() + 10s;
    Timer timer;
    bool good = false;
    std::function<void()> const look = [&] {
      good = done();
      if (good || std::chrono::steady_clock::now() > end) return loop.stop();
      timer = loop.after(5ms, look);
    };
    look();
    loop.run();
    return good;
  }
};

}  // namespace

TEST_CASE("a reader gets whole messages however the bytes come") {
  Served served;
  int const peer = test::raw_connect(served.server->port());
  test::raw_send(peer, "one\ntw");
  REQUIRE(served.until([&] { return served.heard.lines.size() == 1; }));
  test::raw_send(peer, "o\n" + std::string(60'000, 'x') + "\nrest");
  REQUIRE(served.until([&] { return served.heard.lines.size() == 3; }));
  ::close(peer);
  REQUIRE(served.until([&] { return served.heard.closed.size() == 1; }));
  CHECK(served.heard.lines[1] == "two");
  CHECK(served.heard.lines[2].size() == 60'000);
  CHECK(served.heard.closed[0] == 4);
  CHECK(served.server->counts().open == 0);
  CHECK(served.server->counts().bytes == 4 + 4 + 60'001 + 4);
}

TEST_CASE("a message that is too long or refused costs its connection alone") {
  StreamOptions options;
  options.most_waiting = 100;
  Served served(options);
  int const good = test::raw_connect(served.server->port());
  int const long_one = test::raw_connect(served.server->port());
  int const bad = test::raw_connect(served.server->port());
  test::raw_send(long_one, std::string(101, 'x'));
  test::raw_send(bad, "bad\n");
  REQUIRE(served.until([&] { return served.heard.closed.size() == 2; }));
  test::raw_send(good, "fine\n");
  REQUIRE(served.until([&] { return served.heard.lines.size() == 1; }));
  CHECK(served.server->counts().refused == 2);
  for (int const fd : {good, long_one, bad}) ::close(fd);
}

TEST_CASE("who does not send the rest, or nothing, is cut") {
  StreamOptions options;
  options.rest_timeout = 1ms;
  Served served(options);
  int const half = test::raw_connect(served.server->port());
  int const idle = test::raw_connect(served.server->port());
  test::raw_send(half, "half");
  REQUIRE(served.until([&] { return served.heard.closed.size() == 1; }));
  CHECK(served.heard.closed[0] == 4);
  CHECK(served.server->counts().timeouts == 1);
  CHECK(served.server->counts().open == 1);
  ::close(half);
  ::close(idle);

  options.idle_timeout = 1ms;
  Served strict(options);
  int const silent = test::raw_connect(strict.server->port());
  REQUIRE(strict.until([&] { return strict.heard.closed.size() == 1; }));
  ::close(silent);
}

TEST_CASE("connections are bounded in number") {
  StreamOptions options;
  options.max_connections = 2;
  Served served(options);
  std::vector<int> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(test::raw_connect(served.server->port()));
  REQUIRE(served.until([&] { return served.server->counts().rejected == 3; }));
  CHECK(served.server->counts().open == 2);
  for (int const fd : peers) ::close(fd);
}

TEST_CASE("readers are told when the server ends") {
  Served served;
  int const peer = test::raw_connect(served.server->port());
  test::raw_send(peer, "one\n");
  REQUIRE(served.until([&] { return served.heard.lines.size() == 1; }));
  served.server.reset();
  CHECK(served.heard.closed == std::vector<std::size_t>{0});
  ::close(peer);
}

TEST_CASE("a datagram comes as one") {
  Loop loop;
  std::vector<std::string> heard;
  auto server = DatagramServer::listen(loop, "127.0.0.1", 0, [&](std::string_view bytes) {
    heard.emplace_back(bytes);
    if (heard.size() == 2) loop.stop();
  });
  REQUIRE(server);
  int const fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons((*server)->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (std::string_view const text : {"one\n", "two"})
    ::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address),
             sizeof address);
  auto const timer = loop.after(10s, [&] { loop.stop(); });
  loop.run();
  CHECK(heard == std::vector<std::string>{"one\n", "two"});
  ::close(fd);
}

TEST_CASE("two servers cannot have one address") {
  Loop loop;
  auto const make = [](std::string const&) { return std::unique_ptr<StreamReader>(); };
  auto first = StreamServer::listen(loop, {}, make);
  REQUIRE(first);
  StreamOptions options;
  options.port = (*first)->port();
  auto const second = StreamServer::listen(loop, options, make);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::conflict);
}

TEST_CASE("what may not be read yet stays with the sender, who is not cut for that") {
  std::size_t most = 1000;
  Served* its = nullptr;
  StreamOptions options;
  options.rest_timeout = options.idle_timeout = 1ms;
  options.may_read = [&] { return its->heard.lines.size() < most; };
  Served served(options);
  its = &served;
  int const peer = test::raw_connect(served.server->port());
  constexpr std::size_t lines = 40'000, line_bytes = 100;
  std::thread sender([&] {
    // In pieces that end within a line.
    std::string text;
    for (std::size_t i = 0; i < lines; ++i) text += std::string(line_bytes - 1, 'x') + "\n";
    for (std::size_t at = 0; at < text.size(); at += 3333)
      test::raw_send(peer, text.substr(at, 3333));
    ::close(peer);
  });
  // Behind it one that may be read, had it anything to say: that it is cut shows that the paused
  // one was looked at and left.
  REQUIRE(served.until([&] { return served.server->counts().pauses == 1; }));
  int const idle = test::raw_connect(served.server->port());
  REQUIRE(served.until([&] { return served.server->counts().timeouts == 1; }));
  CHECK(served.heard.closed.size() == 1);
  constexpr std::size_t of_one_read = (64 << 10) / line_bytes;
  auto const read = served.heard.lines.size();
  CHECK(read >= most);
  CHECK(read <= most + of_one_read);

  most = lines + 1;
  CHECK(served.until([&] { return served.heard.closed.size() == 2; }));
  sender.join();
  CHECK(served.heard.lines.size() == lines);
  CHECK(served.heard.closed[1] == 0);
  CHECK(served.server->counts().timeouts == 1);
  ::close(idle);
}
