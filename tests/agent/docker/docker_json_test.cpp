#include "agent/docker/docker_json.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::agent;

namespace {
WantedKeys const wanted{[](std::string_view key) { return key.starts_with("dadvisor."); },
                        [](std::string_view key) { return key == "MARATHON_APP_ID"; }};

// Cut down from what dockerd 20.10 answers, with a secret and odd names.
constexpr std::string_view document = R"({
 "Id": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
 "Name": "/shop\u001b[31m",
 "RestartCount": 2,
 "State": {"Status": "paused", "Running": true, "Paused": true, "Restarting": false,
           "Pid": 4711, "StartedAt": "2026-11-22T23:41:14.123456789Z"},
 "HostConfig": {"NetworkMode": "default"},
 "GraphDriver": {"Name": "overlay2", "Data": {"LowerDir": "/l", "UpperDir": "/u/diff"}},
 "Mounts": [{"Type": "bind", "Source": "/", "Destination": "/host"},
            {"Type": "volume", "Name": "v", "Source": "/volumes/v/_data", "Destination": "/data"},
            {"Type": "volume", "Source": "relative"}, 7],
 "Config": {"Image": "shop/cart:7",
   "Env": ["MARATHON_APP_ID=/shop/cart=x", "DB_PASSWORD=secret", "NOEQUALS"],
   "Labels": {"dadvisor.owner": "a,b", "secret": "x", "dadvisor.number": 7}}})";
}  // namespace

TEST_CASE("an inspect becomes a container that holds only wanted keys") {
  auto const container = parse_inspect(document, wanted);
  REQUIRE(container);
  CHECK(container->id.size() == 64);
  CHECK(container->name == "shop\x1b[31m");
  CHECK(container->image == "shop/cart:7");
  CHECK(container->pid == 4711);
  CHECK(container->running);
  CHECK(container->paused);
  CHECK(container->restart_count == 2);
  CHECK(container->network_mode == "bridge");
  CHECK(container->layer == "/u/diff");
  CHECK(container->volumes == std::vector<std::string>{"/volumes/v/_data"});
  CHECK(container->started_ns == 1795390874123456789);
  CHECK(container->labels == std::map<std::string, std::string>{{"dadvisor.owner", "a,b"}});
  CHECK(container->env == std::map<std::string, std::string>{{"MARATHON_APP_ID", "/shop/cart=x"}});
}

TEST_CASE("the sandbox that Mesos mounts tells whose executor it is, and no other mount does") {
  auto const executor = [](std::string const& source) {
    auto const container = parse_inspect(
        R"({"Id":"ab","State":{},"Mounts":[{"Type":"bind","Source":")" + source + "\"}]}", wanted);
    REQUIRE(container);
    auto const found = container->env.find("MESOS_EXECUTOR_ID");
    return found == container->env.end() ? "" : found->second;
  };
  CHECK(executor("/var/lib/mesos/slaves/S0/frameworks/F1/executors/shop_cart.1/runs/C") ==
        "shop_cart.1");
  CHECK(executor("/m/meta/slaves/S/frameworks/F/executors/a/executors/b/runs/latest") == "b");
  for (auto const* other : {"/data/executors/x/runs/1", "/frameworks/F/executors//runs/C",
                            "/frameworks/F/runs/C/executors/x", "/frameworks/F/executors/x"})
    CHECK(executor(other).empty());
}

TEST_CASE("an inspect cut at every byte, or of another shape, is malformed") {
  for (std::size_t size = 0; size + 1 < document.size(); ++size) {
    REQUIRE(parse_inspect(document.substr(0, size), wanted).error().code == Errc::malformed);
  }
  for (auto const* odd : {"null", "[]", "{}", "{\"Id\":\"abc\"}", "{\"Id\":\"../x\",\"State\":{}}",
                          "{\"Id\":7,\"State\":{}}", "{\"Id\":\"ab\",\"State\":[]}"}) {
    INFO(odd);
    CHECK_FALSE(parse_inspect(odd, wanted));
  }
  auto const bare =
      parse_inspect(R"({"Id":"ab","State":{},"Config":{"Env":null,"Labels":null}})", wanted);
  REQUIRE(bare);
  CHECK_FALSE(bare->running);
  auto const waiting =
      parse_inspect(R"({"Id":"ab","State":{"Running":true,"Restarting":true,"Pid":0}})", wanted);
  CHECK_FALSE(waiting->running);
  auto const huge = parse_inspect(R"({"Id":"ab","State":{},"Config":{"Labels":{"dadvisor.app":")" +
                                      std::string(1 << 20, 'x') + "\"}}}",
                                  wanted);
  CHECK(huge->labels.at("dadvisor.app").size() == 4096);
}

TEST_CASE("times as Docker writes them") {
  CHECK(parse_rfc3339("1970-01-01T00:00:01Z") == 1'000'000'000);
  CHECK(parse_rfc3339("1970-01-01T02:00:00.5+02:00") == 500'000'000);
  CHECK(parse_rfc3339("2024-02-29T00:00:00Z") == 1709164800'000'000'000);
  for (auto const* none :
       {"", "0001-01-01T00:00:00Z", "2023-02-29T00:00:00Z", "2023-01-01", "2023-01-01T00:00:00",
        "2023-01-01T00:00:00+2", "-023-01-01T00:00:00Z"}) {
    INFO(none);
    CHECK(parse_rfc3339(none) == 0);
  }
}

TEST_CASE("the lesser version is spoken") {
  CHECK(lesser_version("1.41", "1.51") == "1.41");
  CHECK(lesser_version("1.9", "1.12") == "1.9");
  CHECK(lesser_version("1.60", "1.51") == "1.51");
  CHECK(lesser_version("2.0", "1.51") == "1.51");
  CHECK(lesser_version("", "1.51") == "1.51");
  CHECK(lesser_version("1.4x/../../", "1.51") == "1.51");
}

TEST_CASE("events are read whatever pieces they come in") {
  std::string const text =
      R"({"status":"start","id":"aa","Type":"container","Action":"start","Actor":{"ID":"aa","Attributes":{"image":"}"}},"timeNano":5})"
      "\n\r\n"
      R"({"Type":"network","Action":"connect","Actor":{"ID":"bb"},"timeNano":6})"
      R"({"Type":"container","Action":"exec_start: sh","Actor":{"ID":"cc"},"timeNano":7} )"
      R"({"status":"die","id":"dd","time":1})";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    EventReader reader;
    std::vector<DockerEvent> events;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      REQUIRE(reader.feed(std::string_view(text).substr(at, piece),
                          [&](DockerEvent const& event) { events.push_back(event); }));
    }
    REQUIRE(events == std::vector<DockerEvent>{
                          {"start", "aa", 5}, {"exec_start", "cc", 7}, {"die", "dd", 0}});
  }
}

TEST_CASE("what is no stream of events is told") {
  auto const none = [](DockerEvent const&) { FAIL("an event"); };
  EventReader garbage;
  CHECK(garbage.feed("<html>", none).error().code == Errc::malformed);
  EventReader array;
  CHECK(array.feed("[1]", none).error().code == Errc::malformed);
  EventReader endless;
  CHECK(endless.feed("{\"a\":\"" + std::string(2 << 20, 'x'), none).error().code ==
        Errc::too_large);
  EventReader deep;
  CHECK_FALSE(deep.feed(std::string(10'000, '['), none));
  EventReader path;  // an id that would lead the inspect elsewhere
  CHECK(path.feed(R"({"Type":"container","Action":"start","Actor":{"ID":"../x"},"timeNano":1})",
                  none));
}

TEST_CASE("a list is ids") {
  CHECK(*parse_list(R"([{"Id":"ab","Names":["/x"]},{"Id":"cd"}])") ==
        std::vector<std::string>{"ab", "cd"});
  CHECK(parse_list("[]")->empty());
  for (auto const* odd : {"", "{}", "[1]", "[{}]", "[{\"Id\":\"/x\"}]"})
    CHECK_FALSE(parse_list(odd));
}
