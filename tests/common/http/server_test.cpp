#include "common/http/server.hpp"

#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <filesystem>
#include <future>
#include <thread>

#include "common/core/fd.hpp"
#include "raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::http;
using namespace std::chrono_literals;
using test::raw_connect;
using test::raw_read_until;
using test::raw_send;

namespace {

// A server on a thread of its own; what the handler must not do from another thread goes through
// the loop.
class Running {
 public:
  explicit Running(Handler handler, ServerOptions options = {}) {
    auto listening =
        Server::listen(loop_, std::move(options), std::move(handler), Log("test", LogLevel::error));
    REQUIRE(listening);
    server_ = std::move(*listening);
    port_ = server_->port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Running() {
    loop_.stop();
    thread_.join();
    server_.reset();
  }
  std::uint16_t port() const { return port_; }
  ServerCounts counts() {
    std::promise<ServerCounts> counts;
    loop_.post([&] { counts.set_value(server_->counts()); });
    return counts.get_future().get();
  }
  void on_loop(std::function<void()> const& function) {
    std::promise<void> done;
    loop_.post([&] {
      function();
      done.set_value();
    });
    done.get_future().get();
  }
  void stop() {
    std::promise<void> done;
    loop_.post([&] {
      server_->stop();
      done.set_value();
    });
    done.get_future().get();
  }

 private:
  Loop loop_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

void echo(Request request, Responder respond) {
  respond(text_response(200, request.method + " " + request.path + " " + request.body));
}

// The whole answer to bytes after which the server closes.
std::string talk(std::uint16_t port, std::string_view bytes) {
  int const fd = raw_connect(port);
  raw_send(fd, bytes);
  auto text = raw_read_until(fd, "");
  ::close(fd);
  return text;
}

bool ends_with(std::string const& text, std::string_view end) { return text.ends_with(end); }

}  // namespace

TEST_CASE("a request comes whole and its answer goes back") {
  Request seen;
  Running server([&](Request request, Responder respond) {
    seen = request;
    auto response = text_response(404, "no\n");
    response.headers.emplace_back("X-Note", "a\r\nEvil: b");
    respond(response);
  });
  auto const answer = talk(server.port(),
                           "POST /a%20b?x=1&y=%2B HTTP/1.1\r\nHost: h\r\nX-Thing: v\r\n"
                           "Content-Length: 4\r\nConnection: close\r\n\r\nbody");
  CHECK(answer.starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK(ends_with(answer, "\r\n\r\nno\n"));
  CHECK(answer.find("X-Note: a  Evil: b\r\n") != std::string::npos);
  CHECK(seen.method == "POST");
  CHECK(seen.path == "/a b");
  CHECK(seen.query == "x=1&y=%2B");
  CHECK(parameter(seen.parameters, "y") == "+");
  CHECK(header(seen.headers, "x-thing") == "v");
  CHECK(seen.body == "body");
  CHECK(seen.peer.starts_with("127.0.0.1:"));
}

TEST_CASE("one connection carries 1,000 requests, pipelined ones in order") {
  Running server(echo);
  int const fd = raw_connect(server.port());
  for (int i = 0; i < 1000; ++i) {
    auto const path = "/" + std::to_string(i);
    raw_send(fd, "GET " + path + " HTTP/1.1\r\n\r\n");
    auto const answer = raw_read_until(fd, "GET " + path + " ");
    REQUIRE(ends_with(answer, "GET " + path + " "));
  }
  raw_send(fd, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n");
  auto const both = raw_read_until(fd, "");
  ::close(fd);
  CHECK(both.find("GET /a ") < both.find("GET /b "));
  CHECK(server.counts().connections == 1);
  CHECK(server.counts().requests == 1002);
}

TEST_CASE("many posters at once are answered from another thread") {
  std::mutex mutex;
  std::deque<std::pair<Request, Responder>> waiting;
  Running server([&](Request request, Responder respond) {
    std::lock_guard const lock(mutex);
    waiting.emplace_back(std::move(request), std::move(respond));
  });
  std::atomic<bool> finished{false};
  std::thread worker([&] {
    while (!finished) {
      std::unique_lock lock(mutex);
      if (waiting.empty()) {
        lock.unlock();
        std::this_thread::yield();
        continue;
      }
      auto [request, respond] = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      respond(text_response(200, std::to_string(request.body.size())));
      respond(text_response(500, "a second answer counts for nothing"));
    }
  });
  std::string const body(3000, 'x');
  std::atomic<int> right{0};
  std::vector<std::thread> posters;
  for (int p = 0; p < 16; ++p) {
    posters.emplace_back([&] {
      int const fd = raw_connect(server.port());
      for (int i = 0; i < 25; ++i) {
        raw_send(fd, "POST / HTTP/1.1\r\nContent-Length: 3000\r\n\r\n" + body);
        if (ends_with(raw_read_until(fd, "\r\n\r\n3000"), "3000")) ++right;
      }
      ::close(fd);
    });
  }
  for (auto& poster : posters) poster.join();
  finished = true;
  worker.join();
  CHECK(right == 400);
}

TEST_CASE("HEAD has the length of the body and no body; GET may have one") {
  Running server(echo);
  auto const head = talk(server.port(), "HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(head.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(ends_with(head, "\r\n\r\n"));
  auto const get =
      talk(server.port(), "GET /x HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  CHECK(ends_with(get, "GET /x hi"));
  auto const chunked =
      talk(server.port(),
           "POST /x HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
           "2\r\nhi\r\n0\r\n\r\n");
  CHECK(ends_with(chunked, "POST /x hi"));
  auto const old = talk(server.port(), "GET /x HTTP/1.0\r\n\r\n");
  CHECK(ends_with(old, "GET /x "));
}

TEST_CASE("a client that waits for 100 Continue gets it") {
  Running server(echo);
  int const fd = raw_connect(server.port());
  raw_send(
      fd,
      "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
  CHECK(raw_read_until(fd, "\r\n\r\n").starts_with("HTTP/1.1 100 Continue\r\n"));
  raw_send(fd, "ok");
  CHECK(ends_with(raw_read_until(fd, ""), "POST / ok"));
  ::close(fd);
}

TEST_CASE("what is no request is refused with the reason and closed") {
  ServerOptions options;
  options.body_limit = 1000;
  Running server(echo, options);
  auto const status = [&](std::string const& bytes) {
    return talk(server.port(), bytes).substr(0, 12);
  };
  CHECK(status("\x16\x03\x01 garbage\r\n\r\n") == "HTTP/1.1 400");
  CHECK(status("GET / HTTP/1.1\r\nbroken header\r\n\r\n") == "HTTP/1.1 400");
  // Lengths that contradict each other: smuggling.
  CHECK(status("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab") ==
        "HTTP/1.1 400");
  CHECK(
      status(
          "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
      "HTTP/1.1 400");
  CHECK(
      status(
          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n") ==
      "HTTP/1.1 400");
  CHECK(status("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n") == "HTTP/1.1 400");
  CHECK(status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") == "HTTP/1.1 400");
  // Too large: by its claim, by its chunks, by its header; the sender sees why.
  CHECK(status("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n") == "HTTP/1.1 413");
  CHECK(status("POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'x')) ==
        "HTTP/1.1 413");
  CHECK(status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" +
               std::string(4096, 'x') + "\r\n0\r\n\r\n") == "HTTP/1.1 413");
  CHECK(status("GET / HTTP/1.1\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n") == "HTTP/1.1 431");
  CHECK(server.counts().requests == 0);
  CHECK(server.counts().refused == 11);
}

TEST_CASE("a body that follows its length lies outside it") {
  Running server(echo);
  // "XYZ" after one byte of body is the next request's start, and none.
  auto const text = talk(server.port(), "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\naXYZ\r\n\r\n");
  CHECK(text.starts_with("HTTP/1.1 200"));
  CHECK(text.find("HTTP/1.1 400") != std::string::npos);
}

TEST_CASE("who dribbles or idles is closed, others are served") {
  ServerOptions options;
  options.header_timeout = 100ms;
  options.body_timeout = 100ms;
  options.idle_timeout = 100ms;
  Running server(echo, options);
  std::vector<int> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(raw_connect(server.port()));
    raw_send(slow.back(),
             i % 2 == 0 ? "GET / HT" : "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx");
  }
  CHECK(
      ends_with(talk(server.port(), "GET /ok HTTP/1.1\r\nConnection: close\r\n\r\n"), "GET /ok "));
  for (int const fd : slow) {
    CHECK(raw_read_until(fd, "").empty());  // closed without an answer
    ::close(fd);
  }
  int const idle = raw_connect(server.port());
  raw_send(idle, "GET / HTTP/1.1\r\n\r\n");
  CHECK(raw_read_until(idle, "").starts_with("HTTP/1.1 200"));  // answered, then closed
  ::close(idle);
  CHECK(server.counts().timeouts == 50);
  CHECK(server.counts().open == 0);
}

TEST_CASE("a reader that never reads its reply is closed") {
  ServerOptions options;
  options.write_timeout = 100ms;
  std::atomic<int> asked{0};
  Running server(
      [&](Request, Responder respond) {
        ++asked;
        respond(text_response(200, std::string(8 << 20, 'x')));  // more than sockets buffer
      },
      options);
  int const fd = raw_connect(server.port());
  int const small = 4096;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += "GET / HTTP/1.1\r\n\r\n";
  raw_send(fd, flood);
  auto const until = std::chrono::steady_clock::now() + 10s;
  while (server.counts().timeouts == 0 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(5ms);
  }
  CHECK(server.counts().open == 0);
  CHECK(server.counts().timeouts == 1);
  CHECK(asked == 1);  // the other requests were never taken up
  ::close(fd);
}

TEST_CASE("text is compressed for those who take gzip") {
  std::string const body(5000, 'z');
  Running server([&](Request request, Responder respond) {
    respond(request.path == "/image" ? typed_response(200, "image/png", body)
                                     : text_response(200, body));
  });
  auto const ask = [&](std::string const& path, std::string const& extra) {
    return talk(server.port(),
                "GET " + path + " HTTP/1.1\r\nConnection: close\r\n" + extra + "\r\n");
  };
  auto const packed = ask("/", "Accept-Encoding: gzip\r\n");
  REQUIRE(packed.find("Content-Encoding: gzip\r\n") != std::string::npos);
  auto const start = packed.find("\r\n\r\n") + 4;
  std::string unpacked(10'000, '\0');
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + start));
  stream.avail_in = static_cast<uInt>(packed.size() - start);
  stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
  stream.avail_out = static_cast<uInt>(unpacked.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  unpacked.resize(stream.total_out);
  inflateEnd(&stream);
  CHECK(unpacked == body);
  CHECK(ask("/", "").find("Content-Encoding") == std::string::npos);
  CHECK(ask("/image", "Accept-Encoding: gzip\r\n").find("Content-Encoding") == std::string::npos);
}

namespace {

// `count` pieces of 64 KiB behind a first one; `fails`: instead of the last one it throws.
Response pieced(int count, std::atomic<int>& made, bool fails = false) {
  auto response = text_response(200, std::string(64 << 10, 'a'));
  response.rest.next = [count, fails, &made, at = 0](std::string& piece) mutable {
    if (fails && at == count) throw std::runtime_error("this is all that there is");
    piece.assign(at < count ? 64 << 10 : 0, 'b');
    if (at++ < count) ++made;
  };
  return response;
}

}  // namespace

TEST_CASE("a body in pieces is whole to each client, and its connection goes on") {
  std::atomic<int> made{0};
  Running server([&](Request request, Responder respond) {
    if (request.path == "/pieces")
      respond(pieced(3, made));
    else
      respond(text_response(200, "small"));
  });
  int const fd = raw_connect(server.port());
  raw_send(fd, "GET /pieces HTTP/1.1\r\n\r\nGET /small HTTP/1.1\r\nConnection: close\r\n\r\n");
  auto const both = raw_read_until(fd, "");
  ::close(fd);
  CHECK(std::ranges::count(both, 'b') >= 3 * (64 << 10));
  CHECK(both.find("\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n") != std::string::npos);
  CHECK(ends_with(both, "small"));
  CHECK(made == 3);
  auto const packed = talk(server.port(),
                           "GET /pieces HTTP/1.1\r\nConnection: close\r\n"
                           "Accept-Encoding: gzip\r\n\r\n");
  CHECK(packed.find("Content-Encoding: gzip\r\n") != std::string::npos);
  CHECK(packed.find("Content-Length: ") != std::string::npos);
  CHECK(made == 6);
}

TEST_CASE("of a body in pieces no more is made than its reader takes; what fails is cut off") {
  std::atomic<int> made{0};
  ServerOptions options;
  options.write_timeout = 300ms;
  Running server(
      [&](Request request, Responder respond) {
        bool const fails = request.path == "/fails";
        respond(pieced(fails ? 1 : 1600, made, fails));  // 100 MiB
      },
      options);
  int const fd = raw_connect(server.port());
  raw_send(fd, "GET /slow HTTP/1.1\r\n\r\n");
  auto const until = std::chrono::steady_clock::now() + 10s;
  while (server.counts().timeouts == 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
  CHECK(server.counts().timeouts == 1);
  CHECK(server.counts().open == 0);
  CHECK(made < 400);  // what the two sockets buffer
  ::close(fd);
  auto const cut = talk(server.port(), "GET /fails HTTP/1.1\r\n\r\n");
  CHECK(cut.starts_with("HTTP/1.1 200"));
  CHECK_FALSE(ends_with(cut, "0\r\n\r\n"));
}

TEST_CASE("a handler that throws or forgets answers 500") {
  Running server([](Request request, Responder) {
    if (request.path == "/throw") throw std::runtime_error("secret detail");
  });
  auto const thrown = talk(server.port(), "GET /throw HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(thrown.starts_with("HTTP/1.1 500"));
  CHECK(thrown.find("secret") == std::string::npos);
  CHECK(talk(server.port(), "GET /forget HTTP/1.1\r\nConnection: close\r\n\r\n")
            .starts_with("HTTP/1.1 500"));
}

TEST_CASE("a responder tells that its client has hung up, and may outlive the server") {
  std::promise<Responder> kept;
  std::optional<Responder> responder;
  {
    Running server([&](Request, Responder respond) { kept.set_value(respond); });
    int const fd = raw_connect(server.port());
    raw_send(fd, "GET / HTTP/1.1\r\n\r\n");
    responder = kept.get_future().get();
    CHECK_FALSE(responder->abandoned());
    ::close(fd);
    auto const until = std::chrono::steady_clock::now() + 5s;
    while (!responder->abandoned() && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    CHECK(responder->abandoned());
  }
  (*responder)(text_response(200, "to nobody"));
}

TEST_CASE("stop closes idle connections and lets an answer finish") {
  std::promise<Responder> kept;
  Running server([&](Request request, Responder respond) {
    if (request.path == "/slow") {
      kept.set_value(respond);
    } else {
      respond(text_response(200, "quick"));
    }
  });
  int const idle = raw_connect(server.port());
  raw_send(idle, "GET / HTTP/1.1\r\n\r\n");
  raw_read_until(idle, "quick");
  int const busy = raw_connect(server.port());
  raw_send(busy, "GET /slow HTTP/1.1\r\n\r\n");
  auto const responder = kept.get_future().get();
  server.stop();
  CHECK(raw_read_until(idle, "").empty());
  responder(text_response(200, "done"));
  auto const last = raw_read_until(busy, "");
  CHECK(last.find("Connection: close") != std::string::npos);
  CHECK(ends_with(last, "done"));
  CHECK_THROWS(raw_connect(server.port()));
  ::close(idle);
  ::close(busy);
}

TEST_CASE("connections beyond the most are closed at once") {
  ServerOptions options;
  options.max_connections = 2;
  Running server(echo, options);
  int const one = raw_connect(server.port());
  int const two = raw_connect(server.port());
  raw_send(one, "GET /1 HTTP/1.1\r\n\r\n");
  raw_read_until(one, "GET /1 ");
  raw_send(two, "GET /2 HTTP/1.1\r\n\r\n");
  raw_read_until(two, "GET /2 ");
  CHECK(talk(server.port(), "GET /3 HTTP/1.1\r\n\r\n").empty());
  ::close(one);
  ::close(two);
  CHECK(server.counts().rejected == 1);
}

TEST_CASE("an address in use or not ours, or a file in the way, is told") {
  Loop loop;
  Log const log("test", LogLevel::error);
  auto const first = Server::listen(loop, {}, echo, log);
  REQUIRE(first);
  ServerOptions options;
  options.port = (*first)->port();
  auto const second = Server::listen(loop, options, echo, log);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Errc::conflict);
  CHECK(second.error().context.find("127.0.0.1:" + std::to_string(options.port)) !=
        std::string::npos);
  options.host = "192.0.2.1";
  CHECK_FALSE(Server::listen(loop, options, echo, log));

  auto const folder =
      std::filesystem::temp_directory_path() / ("dadvisor-http-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  ServerOptions at_path;
  at_path.socket_path = (folder / "s").string();
  {
    auto const server = Server::listen(loop, at_path, echo, log);
    REQUIRE(server);
    CHECK(Server::listen(loop, at_path, echo, log).error().code == Errc::conflict);
  }
  CHECK_FALSE(std::filesystem::exists(at_path.socket_path));
  {
    // What a killed process leaves: a socket file with no listener.
    test::RawServer const dead(at_path.socket_path, [](int) {});
    std::filesystem::rename(at_path.socket_path, folder / "kept");
  }
  std::filesystem::rename(folder / "kept", at_path.socket_path);
  CHECK(Server::listen(loop, at_path, echo, log));
  REQUIRE(replace_file(at_path.socket_path, "precious"));
  CHECK(Server::listen(loop, at_path, echo, log).error().code == Errc::conflict);
  std::filesystem::remove_all(folder);
}

namespace {

// Streams made by the handler, used through the loop's thread alone.
struct Streams {
  std::vector<std::unique_ptr<ResponseStream>> all;
  std::atomic<int> idle{0}, closed{0};
  Handler handler() {
    return [this](Request, Responder respond) {
      Response head = typed_response(200, "text/event-stream", "");
      StreamNotices notices;
      notices.on_idle = [this] { ++idle; };
      notices.on_closed = [this] { ++closed; };
      all.push_back(
          std::make_unique<ResponseStream>(respond.stream(std::move(head), std::move(notices))));
    };
  }
};

bool soon(std::function<bool()> const& holds) {
  for (int i = 0; i < 500; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

}  // namespace

TEST_CASE("a stream goes out in pieces until one of both ends it") {
  Streams streams;
  Running server(streams.handler());
  int const fd = raw_connect(server.port());
  raw_send(fd, "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  auto const head = raw_read_until(fd, "\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(head.find("Content-Length") == std::string::npos);
  REQUIRE(soon([&] { return streams.idle == 1; }));
  server.on_loop([&] {
    CHECK(streams.all[0]->idle());
    streams.all[0]->send("one\n\n");
    CHECK_FALSE(streams.all[0]->idle());
    streams.all[0]->send("lost: one piece at a time");
  });
  CHECK(raw_read_until(fd, "one\n\n\r\n") == "5\r\none\n\n\r\n");
  REQUIRE(soon([&] { return streams.idle == 2; }));
  server.on_loop([&] { streams.all[0]->send("two"); });
  CHECK(raw_read_until(fd, "two\r\n") == "3\r\ntwo\r\n");
  ::close(fd);  // seen though nothing is being sent
  REQUIRE(soon([&] { return streams.closed == 1; }));
  server.on_loop([&] { CHECK_FALSE(streams.all[0]->open()); });

  int const old = raw_connect(server.port());
  raw_send(old, "GET / HTTP/1.0\r\n\r\n");
  REQUIRE(soon([&] { return streams.idle == 4; }));
  server.on_loop([&] { streams.all[1]->send("bare"); });
  REQUIRE(soon([&] { return streams.idle == 5; }));
  server.on_loop([&] { streams.all.clear(); });
  auto const whole = raw_read_until(old, "");
  CHECK(ends_with(whole, "\r\n\r\nbare"));
  CHECK(whole.find("chunked") == std::string::npos);
  ::close(old);
  CHECK(server.counts().streams == 2);
  CHECK(server.counts().cut_streams == 0);
}

TEST_CASE("a client that reads nothing of its stream is cut and counted") {
  Streams streams;
  ServerOptions options;
  options.write_timeout = 200ms;
  Running server(streams.handler(), options);
  int const fd = raw_connect(server.port());
  raw_send(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(soon([&] { return streams.idle == 1; }));
  server.on_loop([&] { streams.all[0]->send(std::string(64 << 20, 'x')); });
  CHECK(soon([&] { return streams.closed == 1; }));
  CHECK(server.counts().cut_streams == 1);
  CHECK(server.counts().open == 0);
  ::close(fd);
}
