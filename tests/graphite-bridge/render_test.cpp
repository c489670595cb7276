#include "graphite-bridge/render.hpp"

#include <catch2/catch.hpp>

#include "memory_source.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

constexpr std::int64_t now = 1480312800;

test::MemorySource small_source() {
  test::MemorySource source;
  source.add("app.web.cpu", now - 600, 60, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  source.add("app.db.cpu", now - 600, 60, {10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10});
  source.add("app.new.cpu", now - 600, 60, {});
  return source;
}

Parameters with_json(Parameters parameters) {
  if (!last_value(parameters, "format")) parameters.emplace("format", "json");
  return parameters;
}

std::string body_of(Parameters const& parameters) {
  auto const source = small_source();
  auto const answer = render(with_json(parameters), now, source);
  if (!answer) FAIL(answer.error().context);
  return answer->body;
}

Errc code_of(Parameters const& parameters) {
  auto const source = small_source();
  auto const answer = render(parameters, now, source);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().context.find('\n') == std::string::npos);
  return answer.error().code;
}

std::string json(std::string const& name, std::string const& points) {
  return "{\"target\": \"" + name + "\", \"tags\": {\"name\": \"" + name +
         "\"}, \"datapoints\": [" + points + "]}";
}

}  // namespace

TEST_CASE("several targets answer in their order, blank ones not at all") {
  CHECK(body_of({{"target", "app.web.cpu"},
                 {"target", " "},
                 {"target", "app.db.cpu"},
                 {"target", "app.web.cpu"},
                 {"from", "-2min"},
                 {"until", "-1min"}}) == "[" + json("app.web.cpu", "[10.0, 1480312740]") + ", " +
                                             json("app.db.cpu", "[10.0, 1480312740]") + ", " +
                                             json("app.web.cpu", "[10.0, 1480312740]") + "]");
}

TEST_CASE("target[] counts where there is no target") {
  CHECK(body_of({{"target[]", "app.web.cpu"}, {"from", "-60s"}}) ==
        "[" + json("app.web.cpu", "[11.0, 1480312800]") + "]");
}

TEST_CASE("nothing asked for and nothing found are empty lists") {
  CHECK(body_of({}) == "[]");
  CHECK(body_of({{"target", "no.such"}}) == "[]");
  CHECK(body_of({{"target", "sumSeries(no.such)"}, {"from", "-10min"}}) == "[]");
  CHECK(body_of({{"target", "asPercent(app.*.cpu,no.such)"}, {"from", "-10min"}}) == "[]");
  // It exists, and has no value: that is a series of nulls.
  CHECK(body_of({{"target", "app.new.cpu"}, {"from", "-60s"}}) ==
        "[" + json("app.new.cpu", "[null, 1480312800]") + "]");
}

TEST_CASE("the last of several values counts, the form's behind the query's") {
  auto const request = RenderParameters::parse(
      {{"from", "-1h"}, {"from", "-2h"}, {"format", "csv"}, {"format", "raw"}}, now);
  REQUIRE(request);
  CHECK(request->window.from == now - 7200);
  CHECK(request->format == RenderFormat::raw);
}

TEST_CASE("times have defaults, are swapped when they run backwards") {
  auto const whole_day = RenderParameters::parse({}, now);
  CHECK(whole_day->window.from == now - 86400);
  CHECK(whole_day->window.until == now);
  auto const swapped =
      RenderParameters::parse({{"from", "now"}, {"until", "-1h"}, {"now", "1480000000"}}, now);
  CHECK(swapped->window.from == 1480000000 - 3600);
  CHECK(swapped->window.until == 1480000000);
  CHECK(swapped->window.now == 1480000000);
}

TEST_CASE("an unknown zone is ignored") {
  auto const request = RenderParameters::parse({{"tz", "Mars/Olympus"}, {"from", "midnight"}}, now);
  REQUIRE(request);
  CHECK(request->window.from == 1480291200);
}

TEST_CASE("other formats have their own bodies") {
  auto const source = small_source();
  Parameters parameters{{"target", "app.web.cpu"}, {"from", "-60s"}, {"format", "csv"}};
  auto answer = render(parameters, now, source);
  REQUIRE(answer);
  CHECK(answer->content_type == "text/csv");
  CHECK(answer->body == "app.web.cpu,2016-11-28 06:00:00,11.0\r\n");
  parameters = {{"target", "app.web.cpu"}, {"from", "-60s"}, {"rawData", "1"}};
  answer = render(parameters, now, source);
  REQUIRE(answer);
  CHECK(answer->content_type == "text/plain");
  CHECK(answer->body == "app.web.cpu,1480312800,1480312860,60|11.0\n");
}

TEST_CASE("a limit of points is for JSON only, and only when it is a number") {
  Parameters const base{{"target", "app.web.cpu"}, {"from", "-10min"}};
  auto with = [&](std::string const& name, std::string const& value) {
    auto out = base;
    out.emplace(name, value);
    return out;
  };
  auto const all = body_of(base);
  CHECK(body_of(with("maxDataPoints", "1")) ==
        "[" + json("app.web.cpu", "[6.5, 1480312260]") + "]");
  CHECK(body_of(with("maxDataPoints", "many")) == all);
  CHECK(body_of(with("maxDataPoints", "-5")) == all);
  CHECK(body_of(with("maxDataPoints", "0")) == all);
  CHECK(body_of(with("maxDataPoints", "1000")) == all);
}

TEST_CASE("the fraction of known values holds for all that puts values together") {
  test::MemorySource source;
  source.add("a", now - 60, 60, {1, 1});
  source.add("b", now - 60, 60, {absent, absent});
  Parameters const parameters =
      with_json({{"target", "sumSeries(*)"}, {"from", "-60s"}, {"xFilesFactor", "0.6"}});
  auto const answer = render(parameters, now, source);
  REQUIRE(answer);
  CHECK(answer->body.find("[[null, 1480312800]]") != std::string::npos);
}

TEST_CASE("a template's values come from the request") {
  CHECK(body_of({{"target", "template(app.$a.cpu,a='web')"},
                 {"template[a]", "db"},
                 {"from", "-60s"}}) == "[" + json("app.db.cpu", "[10.0, 1480312800]") + "]");
}

TEST_CASE("what is wrong in a request is malformed, in one line") {
  CHECK(code_of({{"target", "sumSeries(app.web.cpu"}}) == Errc::malformed);
  CHECK(code_of({{"target", "noSuch(a)"}}) == Errc::malformed);
  CHECK(code_of({{"target", "scale(a,'x')"}}) == Errc::malformed);
  CHECK(code_of({{"target", "a"}, {"from", "someday"}}) == Errc::malformed);
  CHECK(code_of({{"target", "a"}, {"until", "-1x"}}) == Errc::malformed);
  CHECK(code_of({{"target", "a"}, {"now", "never"}}) == Errc::malformed);
  CHECK(code_of({{"target", "a"}, {"from", "now"}}) == Errc::malformed);
  CHECK(code_of({{"target", "a"}, {"format", "gif"}}) == Errc::malformed);
  CHECK(code_of({{"target", "a"}, {"xFilesFactor", "half"}}) == Errc::malformed);
}

TEST_CASE("a source that fails fails the request") {
  auto source = small_source();
  source.fail_with(Error{Errc::too_large, 0, "too many series"});
  auto const answer = render({{"target", "sumSeries(app.*.cpu)"}}, now, source);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::too_large);
}

namespace {

// Has lost a minute of whatever is asked for.
class LosingSource final : public SeriesSource {
 public:
  Result<std::vector<Series>> fetch(std::string_view pattern, Window const& window) const override {
    return source_.fetch(pattern, window);
  }
  Result<std::vector<FoundNode>> find(std::string_view pattern,
                                      Window const& window) const override {
    return source_.find(pattern, window);
  }
  Result<std::vector<Lost>> lost(std::vector<std::string> const& patterns,
                                 Window const&) const override {
    asked.push_back(patterns);
    if (fails) return Error{Errc::too_large, 0, "too many events"};
    return std::vector<Lost>{{now - 300, now - 240, thinned}};
  }
  mutable std::vector<std::vector<std::string>> asked;
  bool fails = false, thinned = false;

 private:
  test::MemorySource source_ = small_source();
};

}  // namespace

TEST_CASE("a picture shades what was lost; no other answer asks for it") {
  LosingSource losing;
  auto const whole = small_source();
  Parameters const parameters{
      {"target", "sumSeries(app.*.cpu)"}, {"target", "app.db.cpu"}, {"from", "-10min"}};
  auto const body = [&](char const* format, SeriesSource const& source) {
    auto with_format = parameters;
    with_format.emplace("format", format);
    auto const answer = render(with_format, now, source);
    REQUIRE(answer);
    return answer->body;
  };
  auto const with_loss = body("svg", losing);
  CHECK(with_loss != body("svg", whole));
  REQUIRE(losing.asked.size() == 1);
  CHECK(losing.asked.front() == std::vector<std::string>{"app.*.cpu", "app.db.cpu"});
  CHECK(body("json", losing) == body("json", whole));
  CHECK(losing.asked.size() == 1);
  losing.thinned = true;  // shaded as well, and called by another name
  auto const with_thinned = body("svg", losing);
  CHECK(with_thinned != with_loss);
  CHECK(with_thinned != body("svg", whole));
  losing.fails = true;
  CHECK(body("svg", losing) == body("svg", whole));
  CHECK(losing.asked.size() == 3);
}
