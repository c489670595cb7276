#include "aggregator/api/event_stream.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/http/client.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace std::chrono_literals;

namespace {

// A stream over a log of its own, served on a real socket and followed by real clients.
// A directory that goes after whoever has files open in it.
struct Directory {
  std::string const path =
      std::filesystem::temp_directory_path() / ("dadvisor-stream-" + std::to_string(::getpid()));
  Directory() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Directory() { std::filesystem::remove_all(path); }
};

class Followed {
 public:
  explicit Followed(api::EventStreamOptions options = {}) {
    auto log = event::EventLog::open(path_);
    REQUIRE(log);
    log_.emplace(std::move(*log));
    auto reader = event::EventReader::open(path_);
    REQUIRE(reader);
    stream_.emplace(loop_, std::move(*reader), options);
    auto server = http::Server::listen(
        loop_, {},
        [this](http::Request request, http::Responder respond) {
          stream_->answer(request, respond);
        },
        Log("test", LogLevel::error));
    REQUIRE(server);
    server_ = std::move(*server);
    client_ = std::make_unique<http::Client>(loop_, http::Origin{"127.0.0.1", server_->port(), ""});
  }

  struct Got {
    unsigned status = 0;
    std::string text;
    std::unique_ptr<http::Stream> stream;
  };
  std::shared_ptr<Got> follow(std::string const& query = "", std::string const& last = "") {
    auto got = std::make_shared<Got>();
    http::ClientRequest request;
    request.target = "/" + query;
    if (!last.empty()) request.headers.emplace_back("Last-Event-ID", last);
    http::StreamCallbacks callbacks;
    // A plain pointer: it owns the stream, which calls nothing once it is gone.
    callbacks.on_headers = [to = got.get()](http::Response const& head) {
      to->status = head.status;
    };
    callbacks.on_data = [to = got.get()](std::string_view bytes) { to->text += bytes; };
    callbacks.on_end = [](Result<void>) {};
    got->stream = client_->stream(std::move(request), std::move(callbacks));
    return got;
  }
  void happen(std::vector<std::vector<std::string>> const& tags) {
    REQUIRE(log_->begin());
    for (auto const& one : tags)
      REQUIRE(log_->add({std::to_string(++count_), from_unix_seconds(100 + count_),
                         "event " + std::to_string(count_), "", one}));
    REQUIRE(log_->commit());
    stream_->notify();
  }
  bool until(std::function<bool()> const& holds) {
    bool held = false;
    http::Timer again;
    std::function<void()> look = [&] {
      held = holds();
      if (held) return loop_.stop();
      again = loop_.after(1ms, look);
    };
    again = loop_.after(0ms, look);
    auto const guard = loop_.after(10s, [&] { loop_.stop(); });
    loop_.run();
    again.cancel();
    return held;
  }
  api::EventStream& stream() { return *stream_; }

 private:
  Directory const directory_;  // first: gone last
  std::string const path_ = directory_.path + "/events.db";
  std::optional<event::EventLog> log_;
  http::Loop loop_;
  std::optional<api::EventStream> stream_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
  int count_ = 0;
};

constexpr char const* greeting = ": dadvisor's events\n\n";

std::string sse(int id, std::string const& tag) {
  return fmt::format(
      "id: {}\ndata: {{\"when\": {}, \"what\": \"event {}\", \"data\": \"\", \"tags\": [\"{}\"], "
      "\"id\": {}}}\n\n",
      id, 100 + id, id, tag, id);
}

}  // namespace

TEST_CASE("a follower gets what happens from now on, another what it missed first") {
  Followed followed;
  followed.happen({{"start"}, {"exit"}});
  auto const now = followed.follow();
  auto const back = followed.follow("", "1");
  auto const by_query = followed.follow("?last_event_id=0&tags=exit");
  CHECK(followed.until([&] { return back->text == greeting + sse(2, "exit"); }));
  CHECK(followed.until([&] { return now->text == greeting; }));
  followed.happen({{"join"}});
  CHECK(followed.until([&] { return now->text == greeting + sse(3, "join"); }));
  CHECK(followed.until([&] { return back->text == greeting + sse(2, "exit") + sse(3, "join"); }));
  CHECK(by_query->text == greeting + sse(2, "exit"));
  CHECK(followed.stream().counters().clients == 3);
  now->stream.reset();
  followed.happen({{"start"}});
  CHECK(followed.until([&] { return followed.stream().counters().clients == 2; }));
}

TEST_CASE("many events come in order and whole, page by page") {
  api::EventStreamOptions options;
  options.page = 7;
  Followed followed(options);
  followed.happen(std::vector<std::vector<std::string>>(1000, {"start"}));
  std::string all = greeting;
  for (int id = 1; id <= 1000; ++id) all += sse(id, "start");
  auto const got = followed.follow("", "0");
  auto const none = followed.follow("?tags=exit", "0");  // reads over all of them
  CHECK(followed.until([&] { return got->text == all; }));
  followed.happen({{"exit"}});
  CHECK(followed.until([&] { return none->text == greeting + sse(1001, "exit"); }));
}

TEST_CASE("a silent stream has heartbeats; a wrong number and one client too many are told") {
  api::EventStreamOptions options;
  options.heartbeat = 20ms;
  options.most_clients = 1;
  Followed followed(options);
  auto const first = followed.follow();
  CHECK(followed.until([&] { return first->text.find(": alive\n\n") != std::string::npos; }));
  auto const wrong = followed.follow("", "x");
  CHECK(followed.until([&] { return wrong->status == 400; }));
  auto const second = followed.follow();
  CHECK(followed.until([&] { return second->status == 503; }));
  CHECK(followed.stream().counters().refused == 1);
}
