#include "common/http/client.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "common/http/server.hpp"
#include "raw_peer.hpp"

using namespace dadvisor;
using namespace dadvisor::http;
using namespace std::chrono_literals;
using test::raw_read_until;
using test::raw_send;
using test::RawServer;

namespace {

std::unique_ptr<Server> serve(Loop& loop, Handler handler, std::string socket_path = "") {
  ServerOptions options;
  options.socket_path = std::move(socket_path);
  auto server = Server::listen(loop, options, std::move(handler), Log("test", LogLevel::error));
  REQUIRE(server);
  return std::move(*server);
}

Origin at(std::uint16_t port, std::string host = "127.0.0.1") {
  return Origin{std::move(host), port, ""};
}

// Asks and runs the loop until the answer.
Result<Response> ask(Loop& loop, Client& client, ClientRequest request) {
  Result<Response> answer = Error{Errc::io, 0, "nothing came"};
  client.request(std::move(request), [&](Result<Response> result) {
    answer = std::move(result);
    loop.stop();
  });
  auto const guard = loop.after(20s, [&] { loop.stop(); });
  loop.run();
  return answer;
}

ClientRequest get(std::string target) {
  ClientRequest request;
  request.target = std::move(target);
  return request;
}

}  // namespace

TEST_CASE("requests go over one kept connection") {
  Loop loop;
  auto const server = serve(loop, [](Request request, Responder respond) {
    respond(text_response(201, request.method + request.target + request.body));
  });
  Client client(loop, at(server->port(), "localhost"));
  for (int i = 0; i < 100; ++i) {
    ClientRequest request = get("/a?b=1");
    request.method = "POST";
    request.body = std::to_string(i);
    auto const answer = ask(loop, client, request);
    REQUIRE(answer);
    CHECK(answer->status == 201);
    CHECK(answer->body == "POST/a?b=1" + std::to_string(i));
  }
  ClientRequest head = get("/a");
  head.method = "HEAD";
  CHECK(ask(loop, client, head)->body.empty());
  CHECK(ask(loop, client, get("/b"))->body == "GET/b");
  CHECK(server->counts().connections == 1);
}

TEST_CASE("requests beyond the connections wait their turn") {
  Loop loop;
  auto const server =
      serve(loop, [](Request, Responder respond) { respond(text_response(200, "x")); });
  ClientOptions options;
  options.max_connections = 2;
  Client client(loop, at(server->port()), options);
  int answers = 0;
  for (int i = 0; i < 50; ++i) {
    client.request(get("/"), [&](Result<Response> result) {
      CHECK(result);
      if (++answers == 50) loop.stop();
    });
  }
  CHECK(answers == 0);  // never from within request()
  auto const guard = loop.after(20s, [&] { loop.stop(); });
  loop.run();
  CHECK(answers == 50);
  CHECK(server->counts().connections == 2);
}

TEST_CASE("a kept connection that died is replaced for a GET, told for a POST") {
  Loop loop;
  // Answers one request a connection and then, without having said so, hangs up at the next.
  RawServer peer([](int fd) {
    raw_read_until(fd, "\r\n\r\n");
    raw_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
    raw_read_until(fd, "\r\n\r\n");
  });
  Client client(loop, at(peer.port()));
  REQUIRE(ask(loop, client, get("/")));
  REQUIRE(ask(loop, client, get("/")));
  CHECK(peer.connections() == 2);
  ClientRequest post = get("/");
  post.method = "POST";
  auto const answer = ask(loop, client, post);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::unavailable);
}

TEST_CASE("a peer that is away, hangs, lies or floods costs an error of its kind") {
  Loop loop;
  std::uint16_t free_port = 0;
  {
    RawServer const peer([](int) {});
    free_port = peer.port();
  }
  Client away(loop, at(free_port));
  auto const refused = ask(loop, away, get("/x"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::unavailable);
  CHECK(refused.error().os_error == ECONNREFUSED);
  CHECK(refused.error().context.find("GET /x at 127.0.0.1:") == 0);

  Client no_socket(loop, Origin{"", 0, "/nonexistent/socket"});
  CHECK(ask(loop, no_socket, get("/")).error().code == Errc::unavailable);
  Client overlong(loop, Origin{"", 0, "/" + std::string(300, 'x')});
  CHECK_FALSE(ask(loop, overlong, get("/")));
  Client nameless(loop, at(80, "no-such-host.invalid"));
  CHECK(ask(loop, nameless, get("/")).error().code == Errc::unavailable);

  auto const with_reply = [&](std::string const& reply, bool flood = false) {
    RawServer peer([&](int fd) {
      raw_read_until(fd, "\r\n\r\n");
      raw_send(fd, reply);
      std::string const more(1 << 20, 'x');
      pollfd gone{fd, POLLRDHUP, 0};
      while (flood && ::poll(&gone, 1, 0) == 0) raw_send(fd, more);
    });
    Client client(loop, at(peer.port()));
    ClientRequest request = get("/");
    request.max_reply = 10'000;
    auto answer = ask(loop, client, request);
    peer.hang_up();
    return answer;
  };
  CHECK(with_reply("").error().code == Errc::unavailable);
  CHECK(with_reply("SSH-2.0-OpenSSH\r\n").error().code == Errc::malformed);
  CHECK(with_reply("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx").error().code == Errc::gone);
  CHECK(with_reply("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").error().code ==
        Errc::too_large);
  CHECK(with_reply("HTTP/1.1 200 OK\r\n\r\n", true).error().code == Errc::too_large);
  CHECK(with_reply("HTTP/1.1 200 OK\r\nX: ", true).error().code == Errc::too_large);
  CHECK(with_reply("HTTP/1.1 200 OK\r\n\r\nto the end")->body == "to the end");
  CHECK(with_reply("HTTP/1.1 204 No Content\r\n\r\n")->status == 204);

  RawServer hung([](int fd) { raw_read_until(fd, "never"); });
  Client client(loop, at(hung.port()));
  ClientRequest request = get("/");
  request.timeout = 50ms;
  CHECK(ask(loop, client, request).error().code == Errc::timeout);
  ClientOptions one;
  one.max_connections = 1;
  Client queued(loop, at(hung.port()), one);
  ClientRequest first = get("/1");
  first.timeout = 10s;
  queued.request(first, [](Result<Response>) {});
  CHECK(ask(loop, queued, request).error().code == Errc::timeout);
  hung.hang_up();
}

TEST_CASE("a server's early refusal of a large body is heard") {
  Loop loop;
  auto const server =
      serve(loop, [](Request, Responder respond) { respond(text_response(200, "")); });
  Client client(loop, at(server->port()));
  ClientRequest request = get("/");
  request.method = "POST";
  request.body.assign(6 << 20, 'x');
  auto const answer = ask(loop, client, request);
  REQUIRE(answer);
  CHECK(answer->status == 413);
}

TEST_CASE("no callback comes after its client has gone") {
  Loop loop;
  RawServer hung([](int fd) { raw_read_until(fd, "never"); });
  bool called = false;
  {
    ClientOptions one;
    one.max_connections = 1;
    Client client(loop, at(hung.port()), one);
    for (int i = 0; i < 3; ++i) client.request(get("/"), [&](Result<Response>) { called = true; });
    auto const later = loop.after(20ms, [&] { loop.stop(); });
    loop.run();
  }
  hung.hang_up();
  auto const later = loop.after(20ms, [&] { loop.stop(); });
  loop.run();
  CHECK_FALSE(called);
}

TEST_CASE("a stream hands over bytes as they come, until its end") {
  Loop loop;
  RawServer peer([](int fd) {
    raw_read_until(fd, "\r\n\r\n");
    raw_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nApi-Version: 1.41\r\n\r\n");
    raw_send(fd, "5\r\nhello\r\n");
    raw_read_until(fd, "go on");  // until the client's test hangs up or five seconds
  });
  Client client(loop, at(peer.port()));
  std::string data;
  std::optional<Response> headers;
  std::optional<Result<void>> end;
  StreamCallbacks callbacks;
  callbacks.on_headers = [&](Response const& response) { headers = response; };
  callbacks.on_data = [&](std::string_view bytes) {
    data += bytes;
    peer.hang_up();
  };
  callbacks.on_end = [&](Result<void> result) {
    end = std::move(result);
    loop.stop();
  };
  ClientRequest request = get("/events");
  request.timeout = 2s;
  auto const stream = client.stream(request, callbacks);
  loop.run();
  REQUIRE(headers);
  CHECK(header(headers->headers, "api-version") == "1.41");
  CHECK(data == "hello");
  REQUIRE(end);
  REQUIRE_FALSE(*end);
  CHECK(end->error().code == Errc::gone);
}

TEST_CASE("a stream that ends well, that floods, and one that never begins") {
  Loop loop;
  std::optional<Result<void>> end;
  std::size_t bytes = 0;
  StreamCallbacks callbacks;
  callbacks.on_data = [&](std::string_view data) { bytes += data.size(); };
  callbacks.on_end = [&](Result<void> result) {
    end = std::move(result);
    loop.stop();
  };
  {
    RawServer peer([](int fd) {
      raw_read_until(fd, "\r\n\r\n");
      std::string const chunk = "100000\r\n" + std::string(1 << 20, 'x') + "\r\n";
      raw_send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (int i = 0; i < 8; ++i) raw_send(fd, chunk);
      raw_send(fd, "0\r\n\r\n");
    });
    Client client(loop, at(peer.port()));
    auto const stream = client.stream(get("/"), callbacks);
    loop.run();
    REQUIRE(end);
    CHECK(*end);
    CHECK(bytes == 8 << 20);
  }
  RawServer hung([](int fd) { raw_read_until(fd, "never"); });
  Client client(loop, at(hung.port()));
  ClientRequest request = get("/");
  request.timeout = 50ms;
  end.reset();
  {
    auto const stream = client.stream(request, callbacks);
    loop.run();
  }
  REQUIRE(end);
  CHECK(end->error().code == Errc::timeout);

  end.reset();
  auto stream = client.stream(request, callbacks);
  stream.reset();
  auto const later = loop.after(100ms, [&] { loop.stop(); });
  loop.run();
  CHECK_FALSE(end);  // a stream taken back does not call
  hung.hang_up();
}

TEST_CASE("timers fire in order and can be taken back") {
  Loop loop;
  std::string order;
  auto const b = loop.after(20ms, [&] { order += 'b'; });
  auto const a = loop.after(1ms, [&] { order += 'a'; });
  auto taken_back = loop.after(1ms, [&] { order += 'x'; });
  taken_back.cancel();
  Timer again;
  again = loop.after(30ms, [&] {
    order += 'c';
    again = loop.after(1ms, [&] { loop.stop(); });  // from within itself
  });
  auto const guard = loop.after(10s, [&] { loop.stop(); });
  loop.run();
  CHECK(order == "abc");
}

TEST_CASE("signals and other threads' calls come on the loop's thread") {
  Loop loop;
  std::thread::id where;
  int number = 0;
  loop.on_signal({SIGUSR1}, [&](int signal) {
    number = signal;
    loop.stop();
  });
  std::thread other([&] {
    loop.post([&] {
      where = std::this_thread::get_id();
      ::raise(SIGUSR1);
    });
  });
  loop.run();
  other.join();
  CHECK(where == std::this_thread::get_id());
  CHECK(number == SIGUSR1);
}
