#include "graphite-bridge/carbonapi.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "memory_source.hpp"

using namespace dadvisor;
using namespace dadvisor::graphite;

namespace {

constexpr std::int64_t now = 600;

test::MemorySource small_source() {
  test::MemorySource source;
  source.add("srv.s1.read", 60, 60, {1, absent, 3});
  source.add("srv.s2.read", 60, 60, {4});
  source.add("app.cpu", 60, 60, {5});
  return source;
}

std::string fetch(std::vector<std::string> const& names, std::int64_t from, std::int64_t until) {
  std::string out;
  protozero::pbf_writer request(out);
  for (auto const& name : names) {
    protozero::pbf_writer one(request, 1);
    one.add_string(1, name);
    one.add_int64(2, from);
    one.add_int64(3, until);
    one.add_bool(4, false);
    one.add_string(5, name);
    one.add_int64(7, 100);
  }
  return out;
}

struct Fetched {
  std::string name, path, consolidation;
  std::int64_t start = 0, stop = 0, step = 0, asked_start = 0, asked_stop = 0;
  std::vector<double> values;
};

std::vector<Fetched> fetched(std::string const& body) {
  std::vector<Fetched> out;
  protozero::pbf_reader answer(body);
  while (answer.next(1)) {
    auto message = answer.get_message();
    auto& one = out.emplace_back();
    while (message.next()) {
      if (message.tag() == 1)
        one.name = message.get_string();
      else if (message.tag() == 2)
        one.path = message.get_string();
      else if (message.tag() == 3)
        one.consolidation = message.get_string();
      else if (message.tag() == 4)
        one.start = message.get_int64();
      else if (message.tag() == 5)
        one.stop = message.get_int64();
      else if (message.tag() == 6)
        one.step = message.get_int64();
      else if (message.tag() == 11)
        one.asked_start = message.get_int64();
      else if (message.tag() == 12)
        one.asked_stop = message.get_int64();
      else if (message.tag() == 9) {
        for (double const value : message.get_packed_double()) one.values.push_back(value);
      } else {
        message.skip();
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("carbonapi fetches series of each expression") {
  auto const source = small_source();
  auto const answer =
      render_for_carbonapi(fetch({"srv.*.read", "app.cpu", "no.such"}, 0, 180), {}, now, source);
  REQUIRE(answer);
  CHECK(answer->content_type == "application/x-carbonapi-v3-pb");
  auto const series = fetched(answer->body);
  REQUIRE(series.size() == 3);
  CHECK(series[0].name == "srv.s1.read");
  CHECK(series[0].path == "srv.*.read");
  CHECK(series[0].consolidation == "average");
  CHECK(series[0].start == 60);
  CHECK(series[0].step == 60);
  CHECK(series[0].stop == 240);  // behind the last value: start + 3 * 60
  CHECK(series[0].asked_start == 0);
  CHECK(series[0].asked_stop == 180);
  REQUIRE(series[0].values.size() == 3);
  CHECK(series[0].values[0] == 1);
  CHECK(std::isnan(series[0].values[1]));
  CHECK(series[0].values[2] == 3);
  CHECK(series[1].name == "srv.s2.read");
  CHECK(series[2].path == "app.cpu");
}

TEST_CASE("carbonapi may ask by parameters too") {
  auto const source = small_source();
  Parameters const parameters{
      {"format", "carbonapi_v3_pb"}, {"target", "app.cpu"}, {"from", "0"}, {"until", "60"}};
  CHECK(wants_carbonapi(parameters));
  auto const answer = render_for_carbonapi("", parameters, now, source);
  REQUIRE(answer);
  auto const series = fetched(answer->body);
  REQUIRE(series.size() == 1);
  CHECK(series[0].values == std::vector<double>{5});
}

TEST_CASE("carbonapi finds nodes") {
  auto const source = small_source();
  std::string request;
  protozero::pbf_writer(request).add_string(1, "srv.*");
  protozero::pbf_writer(request).add_string(1, "app.*");
  auto const answer = find_for_carbonapi(request, {}, now, source);
  REQUIRE(answer);
  std::string seen;
  protozero::pbf_reader reader(answer->body);
  while (reader.next(1)) {
    auto response = reader.get_message();
    while (response.next()) {
      if (response.tag() == 1) {
        seen += response.get_string() + ":";
        continue;
      }
      auto match = response.get_message();
      while (match.next())
        seen += match.tag() == 1   ? " " + match.get_string()
                : match.get_bool() ? " leaf"
                                   : " branch";
    }
    seen += "\n";
  }
  CHECK(seen == "srv.*: srv.s1 branch srv.s2 branch\napp.*: app.cpu leaf\n");
}

TEST_CASE("what is no message, or no span of time, is refused") {
  auto const source = small_source();
  for (std::string const body : {"\x0a\xff", "\x0a\x05\x0a\x09", "\x0a\x02\x08\x01", "\xff"}) {
    CHECK_FALSE(render_for_carbonapi(body, {}, now, source));
    CHECK(render_for_carbonapi(body, {}, now, source).error().code == Errc::malformed);
  }
  CHECK_FALSE(find_for_carbonapi("\x0a\xff", {}, now, source));
  CHECK_FALSE(render_for_carbonapi(fetch({"app.cpu"}, 180, 180), {}, now, source));
  CHECK_FALSE(render_for_carbonapi(fetch({"app.cpu"}, -1, 180), {}, now, source));
  CHECK_FALSE(render_for_carbonapi(fetch({"app.cpu"}, 0, INT64_MAX), {}, now, source));
  CHECK_FALSE(wants_carbonapi({{"format", "json"}}));
}
