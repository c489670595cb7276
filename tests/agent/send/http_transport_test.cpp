#include "agent/send/http_transport.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "agent/send/sender.hpp"
#include "common/core/frame/frame.hpp"
#include "common/http/server.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<http::Server> serve(http::Loop& loop, http::Handler handler) {
  auto server = http::Server::listen(loop, http::ServerOptions(), std::move(handler),
                                     Log("test", LogLevel::error));
  REQUIRE(server);
  return std::move(*server);
}

http::Url url_of(std::uint16_t port, std::string const& path) {
  return *http::parse_url("http://127.0.0.1:" + std::to_string(port) + path);
}

}  // namespace

TEST_CASE("a post carries type, token and body, and brings back status, body and Retry-After") {
  http::Loop loop;
  http::Request seen;
  auto const server = serve(loop, [&](http::Request request, http::Responder respond) {
    seen = std::move(request);
    auto response = http::text_response(503, "later\n");
    response.headers.emplace_back("Retry-After", "7");
    respond(std::move(response));
  });
  HttpTransport transport(loop, url_of(server->port(), "/prefix/"), "secret");
  Result<PostReply> reply = Error{};
  transport.post("/api/v1/batches", "application/x-test", std::string("a\0b", 3),
                 [&](Result<PostReply> r) {
                   reply = std::move(r);
                   loop.stop();
                 });
  auto const guard = loop.after(20s, [&] { loop.stop(); });
  loop.run();
  CHECK(seen.method == "POST");
  CHECK(seen.target == "/prefix/api/v1/batches");
  CHECK(seen.body == std::string("a\0b", 3));
  CHECK(http::header(seen.headers, "Content-Type") == "application/x-test");
  CHECK(http::header(seen.headers, "Authorization") == "Bearer secret");
  REQUIRE(reply);
  CHECK(reply->status == 503);
  CHECK(reply->body == "later\n");
  CHECK(reply->retry_after == std::optional<Nanoseconds>(7s));
}

TEST_CASE("a refused connection is an error; a later call replaces an earlier one") {
  http::Loop loop;
  std::uint16_t port = 0;
  {
    port = serve(loop, [](http::Request, http::Responder) {})->port();
  }
  HttpTransport transport(loop, url_of(port, "/"), "");
  Result<PostReply> reply = PostReply();
  bool earlier = false;
  transport.call_after(1ms, [&] { earlier = true; });
  transport.post("/x", "text/plain", "", [&](Result<PostReply> r) {
    reply = std::move(r);
    transport.call_after(10ms, [&] { loop.stop(); });
  });
  transport.call_after(20s, [&] { loop.stop(); });
  loop.run();
  CHECK_FALSE(earlier);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::unavailable);
}

TEST_CASE("over real sockets a batch goes out and leaves the spool") {
  char name[] = "/tmp/http-sender-test-XXXXXX";
  std::string const directory = ::mkdtemp(name);
  http::Loop loop;
  std::optional<Batch> arrived;
  auto const server = serve(loop, [&](http::Request request, http::Responder respond) {
    if (request.path == delivery::hello_path)
      return respond(http::json_response(200, to_json(delivery::HelloReply())));
    auto const batches = delivery::parse_batches(request.body);
    if (!batches) return respond(http::text_response(400, "no"));
    arrived = *decode_frame(batches->frames.at(0), nullptr);
    delivery::BatchesReply reply;
    reply.acked.fresh = arrived->sequence;
    respond(http::json_response(200, to_json(reply)));
  });
  SystemClock const clock;
  {
    SenderOptions options;
    options.agent = "host-1";
    options.aggregators = {"http://127.0.0.1:" + std::to_string(server->port())};
    options.spool.directory = directory + "/spool";
    Sender sender(options, loop, clock, Log("send", LogLevel::error));
    Batch batch;
    batch.tick = tick_of(clock.wall(), 1s);
    batch.step = 1s;
    batch.schemas = {{{1}}};
    batch.entities = {{0, {{EntityKind::host, "host-1", "", 0}, {}}}};
    batch.rows = {{0, 0, {42}}};
    sender.submit(std::make_shared<Batch>(batch));
    auto const guard = loop.after(20s, [&] { loop.stop(); });
    http::Timer look;
    std::function<void()> const looks = [&] {
      if (sender.counters().acknowledged == 1) return loop.stop();
      look = loop.after(1ms, looks);
    };
    looks();
    loop.run();
    REQUIRE(arrived);
    CHECK(arrived->rows[0].cells[0] == 42);
    CHECK(sender.counters().acknowledged == 1);
    CHECK(sender.counters().spool.batches == 0);
    CHECK(sender.counters().connected);
  }
  std::filesystem::remove_all(directory);
}

TEST_CASE("an address that is none stops the start") {
  http::Loop loop;
  SystemClock const clock;
  SenderOptions options;
  options.agent = "host-1";
  for (auto const* address : {"", "127.0.0.1:8686", "https://host:1", "http://host:99999"}) {
    options.aggregators = {address};
    CHECK_THROWS_AS(Sender(options, loop, clock, Log("send")), std::runtime_error);
  }
}
