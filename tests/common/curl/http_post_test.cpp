#include "common/curl/http_post.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "scripted_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::curl;
using dadvisor::test::Connection;
using dadvisor::test::ScriptedPeer;

namespace {

struct Seen {
  std::vector<std::string> head;
  std::string body;
};

// Reads one request and answers `answer`, then hangs up.
auto answering(std::string answer, Seen& seen) {
  return [answer, &seen](Connection& connection) {
    seen = {};
    std::size_t length = 0;
    for (auto line = connection.line(); !line.empty(); line = connection.line()) {
      seen.head.push_back(line);
      if (line.rfind("Content-Length: ", 0) == 0) length = std::stoul(line.substr(16));
    }
    seen.body = connection.bytes(length);
    connection.say(answer);
  };
}

Post to(ScriptedPeer const& peer) {
  Post post;
  post.url = fmt::format("http://127.0.0.1:{}/hook", peer.port());
  post.body = R"({"a":1})";
  post.headers = {{"Idempotency-Key", "k1"}};
  post.timeout = std::chrono::milliseconds(5000);
  return post;
}

bool contains(std::vector<std::string> const& lines, std::string const& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

}  // namespace

TEST_CASE("a post carries body, type, agent and headers, and gives status and reply") {
  Seen seen;
  ScriptedPeer peer(answering("HTTP/1.1 202 x\r\nContent-Length: 2\r\n\r\nok", seen));
  HttpPoster poster("dadvisor/test");
  auto const reply = poster.post(to(peer));
  REQUIRE(reply);
  CHECK(reply->status == 202);
  CHECK(reply->body == "ok");
  CHECK_FALSE(reply->truncated);
  CHECK(seen.body == R"({"a":1})");
  CHECK(seen.head.at(0) == "POST /hook HTTP/1.1");
  CHECK(contains(seen.head, "Content-Type: application/json"));
  CHECK(contains(seen.head, "User-Agent: dadvisor/test"));
  CHECK(contains(seen.head, "Idempotency-Key: k1"));
}

TEST_CASE("a redirect is the reply and is not followed") {
  Seen seen;
  int served = 0;
  auto const answer = answering(
      "HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", seen);
  ScriptedPeer peer([&](Connection& connection) {
    ++served;
    answer(connection);
  });
  HttpPoster poster("dadvisor/test");
  auto const reply = poster.post(to(peer));
  REQUIRE(reply);
  CHECK(reply->status == 302);
  CHECK(served == 1);
}

TEST_CASE("a reply beyond 64 KiB is cut, its status kept") {
  Seen seen;
  std::string const body(300000, 'x');
  ScriptedPeer peer(answering(
      fmt::format("HTTP/1.1 500 x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body), seen));
  HttpPoster poster("dadvisor/test");
  auto const reply = poster.post(to(peer));
  REQUIRE(reply);
  CHECK(reply->status == 500);
  CHECK(reply->truncated);
  CHECK(reply->body.size() == HttpPoster::reply_limit);
}

TEST_CASE("a peer that never answers ends in timeout, one that is away in unavailable") {
  HttpPoster poster("dadvisor/test");
  Post post;
  {
    ScriptedPeer peer([](Connection& connection) { connection.bytes(1 << 20); });
    post = to(peer);
    post.timeout = std::chrono::milliseconds(200);
    auto const silent = poster.post(post);
    REQUIRE_FALSE(silent);
    CHECK(silent.error().code == Errc::timeout);
  }
  auto const away = poster.post(post);
  REQUIRE_FALSE(away);
  CHECK(away.error().code == Errc::unavailable);
}

TEST_CASE("a header with a line break and a URL of another scheme are refused") {
  HttpPoster poster("dadvisor/test");
  Post post;
  post.url = "http://127.0.0.1:1/";
  post.headers = {{"X", "a\r\nY: b"}};
  CHECK(poster.post(post).error().code == Errc::malformed);
  post.headers.clear();
  post.url = "file:///etc/hostname";
  CHECK(poster.post(post).error().code == Errc::malformed);
}

TEST_CASE("a stop ends a post that waits") {
  ScriptedPeer peer([](Connection& connection) { connection.bytes(1 << 20); });
  HttpPoster poster("dadvisor/test");
  std::stop_source stop;
  stop.request_stop();
  auto const reply = poster.post(to(peer), stop.get_token());
  REQUIRE_FALSE(reply);
  CHECK(reply.error().code == Errc::unavailable);
}
