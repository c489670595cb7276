#include "graphite-bridge/posted_event.hpp"

#include <catch2/catch.hpp>

#include "graphite-bridge/events_query.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

using Words = std::vector<std::string>;

std::string complaint(std::string const& body) {
  auto const event = parse_posted_event(body);
  REQUIRE_FALSE(event);
  CHECK(event.error().code == Errc::malformed);
  return event.error().context;
}

std::string detail(std::int64_t at_ns) { return event_detail({7, 0, "w", "d", {"a", "b"}}, at_ns); }

}  // namespace

TEST_CASE("an event is read as graphite-web reads it") {
  auto const event =
      parse_posted_event(R"({"what":"deploy","tags":["a","b c"],"when":1700000000.75,"data":"x"})");
  REQUIRE(event);
  CHECK(event->what == "deploy");
  CHECK(event->data == "x");
  CHECK(event->tags == Words{"a", "b", "c"});
  CHECK(event->when_ns == 1'700'000'000'750'000'000);
  auto const text = parse_posted_event(R"({"what":5,"data":1.5,"tags":"a  q\ta","when":3})");
  REQUIRE(text);
  CHECK(text->what == "5");
  CHECK(text->tags == Words{"a", "q"});
  CHECK(text->when_ns == 3'000'000'000);
  auto const bare = parse_posted_event(R"({"what":"now","tags":null})");
  REQUIRE(bare);
  CHECK(bare->tags.empty());
  CHECK(bare->data.empty());
  CHECK_FALSE(bare->when_ns);
}

TEST_CASE("what cannot be an event is refused with its reason") {
  CHECK(complaint("{bad").starts_with("the event is not JSON: "));
  CHECK(complaint("").starts_with("the event is not JSON: "));
  CHECK(complaint("[1]") == "the event must be a JSON object");
  CHECK(complaint(R"({"tags":"x"})") == "what: is needed");
  CHECK(complaint(R"({"what":null})") == "what: is needed");
  CHECK(complaint(R"({"what":""})") == "what: is empty");
  CHECK(complaint(R"({"what":["x"]})") == "what: must be a text");
  CHECK(complaint(R"({"what":"x","data":{"a":1}})") == "data: must be a text");
  for (auto const* tags : {"5", "true", R"(["a",1])", R"({"a":"b"})"}) {
    INFO(tags);
    CHECK(complaint(std::string(R"({"what":"x","tags":)") + tags + "}") ==
          "tags: must be an array or space-separated string");
  }
  for (auto const* when : {R"("1700000000")", "null", "-1", "1e300", "9000000001", "true"}) {
    INFO(when);
    CHECK(complaint(std::string(R"({"what":"x","when":)") + when + "}") ==
          "when: must be unix seconds");
  }
  auto const sized = [](std::size_t what, std::size_t data, std::size_t tag) {
    return R"({"what":")" + std::string(what, 'w') + R"(","data":")" + std::string(data, 'd') +
           R"(","tags":[")" + std::string(tag, 't') + R"("]})";
  };
  CHECK(parse_posted_event(sized(1000, 100'000, 1000)));
  CHECK(complaint(sized(1001, 1, 1)) == "what: longer than 1000 bytes");
  CHECK(complaint(sized(1, 100'001, 1)) == "data: longer than 100000 bytes");
  CHECK(complaint(sized(1, 1, 1001)) == "tags: one is longer than 1000 bytes");
  std::string many;
  for (int i = 0; i <= 100; ++i) many += " t" + std::to_string(i);
  CHECK(complaint(R"({"what":"x","tags":")" + many + R"("})") == "tags: more than 100");
}

TEST_CASE("an event by its number has its moment as graphite-web writes it") {
  CHECK(
      detail(1'700'000'000'750'000'000) ==
      R"({"id": 7, "when": "2023-11-14T22:13:20.750Z", "what": "w", "data": "d", "tags": ["a", "b"]})");
  CHECK(detail(1'700'000'001'000'000'000).find("\"2023-11-14T22:13:21Z\"") != std::string::npos);
  // Microseconds are cut to thousandths, which are written where there is any microsecond.
  CHECK(detail(1'700'000'001'000'400'000).find("22:13:21.000Z") != std::string::npos);
  CHECK(detail(1'700'000'001'999'999'999).find("22:13:21.999Z") != std::string::npos);
  CHECK(detail(1'700'000'001'000'000'400).find("22:13:21Z") != std::string::npos);
}
