#include "common/grpc/client.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/common/grpc/fake_server.hpp"

using namespace dadvisor;
using namespace std::chrono_literals;
using test::FakeGrpc;

namespace {

std::string socket_path() {
  return (std::filesystem::temp_directory_path() / fmt::format("dadvisor-grpc-{}.sock", getpid()))
      .string();
}

// A client and its loop; call() waits for the end of one call.
struct Asking {
  http::Loop loop;
  grpc::Client client{loop, socket_path()};
  std::vector<std::string> messages;

  Result<void> call(grpc::Call call) {
    messages.clear();
    Result<void> result = Error{Errc::io, 0, "no end came"};
    auto const guard = loop.after(10s, [&] { loop.stop(); });
    client.call(std::move(call), {[&](std::string_view message) { messages.emplace_back(message); },
                                  [&](Result<void> const& end) {
                                    result = end;
                                    loop.stop();
                                  }});
    loop.run();
    return result;
  }
  Errc failure(grpc::Call one) {
    auto const result = call(std::move(one));
    REQUIRE_FALSE(result);
    INFO(result.error().context);
    CHECK(result.error().context.find("unix:" + socket_path()) != std::string::npos);
    return result.error().code;
  }
};

}  // namespace

TEST_CASE("a call brings its message there and the answer's messages back, whatever their size") {
  std::string const large(3 << 20, 'x');
  FakeGrpc server(socket_path(), [&](FakeGrpc::Asked const& asked) {
    return FakeGrpc::Reply{
        {asked.method + " " + asked.name_space + " " + asked.message, "", large}};
  });
  Asking asking;
  grpc::Call one;
  one.method = "/s/M";
  one.message = "hello";
  one.metadata = {{"containerd-namespace", "default"}};
  for (int i = 0; i < 3; ++i) {
    REQUIRE(asking.call(one));
    CHECK(asking.messages == std::vector<std::string>{"/s/M default hello", "", large});
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("a call's failure is told by its status") {
  int status = 0;
  FakeGrpc server(socket_path(), [&](FakeGrpc::Asked const&) {
    FakeGrpc::Reply reply;
    reply.status = status;
    reply.reason = "no such thing";
    return reply;
  });
  Asking asking;
  std::pair<int, Errc> const meaning[] = {{2, Errc::io},
                                          {5, Errc::not_found},
                                          {7, Errc::denied},
                                          {12, Errc::unsupported},
                                          {14, Errc::unavailable}};
  for (auto const& [code, errc] : meaning) {
    status = code;
    auto const result = asking.call({"/s/M", "", {}});
    REQUIRE_FALSE(result);
    CHECK(result.error().code == errc);
    CHECK(result.error().context.find("no such") != std::string::npos);
  }
}

TEST_CASE("nobody, a closed door and a wrong one are told apart") {
  Asking asking;
  CHECK(asking.failure({"/s/M", "", {}}) == Errc::unavailable);
  // Once broken it stays so; another client is to be made.
  FakeGrpc server(socket_path(), [](FakeGrpc::Asked const&) { return FakeGrpc::Reply{}; });
  CHECK(asking.failure({"/s/M", "", {}}) == Errc::unavailable);
  CHECK(Asking().call({"/s/M", "", {}}));
}

TEST_CASE("a peer that speaks something else is no gRPC server") {
  test::RawServer server(socket_path(), [](int fd) {
    test::raw_send(fd, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    test::raw_read_until(fd, "never");
  });
  Asking asking;
  auto const code = asking.failure({"/s/M", "", {}});
  CHECK((code == Errc::malformed || code == Errc::unavailable));
}

TEST_CASE("a hung peer, one that floods and one that hangs up cost no more than they may") {
  FakeGrpc::Reply reply;
  FakeGrpc server(socket_path(), [&](FakeGrpc::Asked const&) { return reply; });
  Asking asking;
  grpc::Call one{"/s/M", "", {}};
  SECTION("silence") {
    reply.silent = true;
    one.timeout = 30ms;
    CHECK(asking.failure(one) == Errc::timeout);
    reply = {};
    CHECK(asking.call(one));  // the connection goes on
  }
  SECTION("a message that says it has a gigabyte") {
    reply.raw = std::string("\0\x40\0\0\0", 5) + std::string(100'000, 'x');
    CHECK(asking.failure(one) == Errc::too_large);
    reply = {};
    CHECK(asking.call(one));
  }
  SECTION("a compressed message") {
    reply.raw = std::string("\1\0\0\0\1x", 6);
    CHECK(asking.failure(one) == Errc::malformed);
  }
  SECTION("an answer of another kind") {
    reply.http_status = "503";
    CHECK(asking.failure(one) == Errc::malformed);
  }
  SECTION("an end within the answer") {
    reply.open = true;
    auto const hang_up = asking.loop.after(50ms, [&] { server.hang_up(); });
    CHECK(asking.failure(one) == Errc::unavailable);
  }
}

TEST_CASE("a stream tells what comes for as long as it lasts") {
  FakeGrpc server(socket_path(), [](FakeGrpc::Asked const&) {
    FakeGrpc::Reply reply;
    reply.open = true;
    return reply;
  });
  Asking asking;
  grpc::Call one{"/s/Events", "", {}};
  one.timeout = 0ms;
  http::Timer ask;
  int pushed = 0;
  std::function<void()> const more = [&] {
    if (asking.messages.size() == 5) return server.hang_up();
    if (server.streams() == 1 && static_cast<std::size_t>(pushed) == asking.messages.size())
      server.push(std::to_string(pushed++));
    ask = asking.loop.after(5ms, more);
  };
  ask = asking.loop.after(5ms, more);
  CHECK_FALSE(asking.call(one));
  CHECK(asking.messages == std::vector<std::string>{"0", "1", "2", "3", "4"});
}

TEST_CASE("a client may go within a callback, and nothing comes after it") {
  FakeGrpc server(socket_path(), [](FakeGrpc::Asked const&) {
    return FakeGrpc::Reply{{"one", "two"}};
  });
  http::Loop loop;
  auto client = std::make_unique<grpc::Client>(loop, socket_path());
  int calls = 0;
  client->call({"/s/M", "", {}}, {[&](std::string_view) {
                                    ++calls;
                                    client.reset();
                                  },
                                  [&](Result<void> const&) { ++calls; }});
  auto const guard = loop.after(200ms, [&] { loop.stop(); });
  loop.run();
  CHECK(calls == 1);
}
