// Series under another name: all that was to be seen of them, and nothing under the old one.

#include "aggregator/api/rename_route.hpp"

#include "importer.hpp"

namespace dadvisor::aggregator::api {
namespace {

constexpr std::int64_t young = import_time - one_hour, older = import_time - 10 * one_day,
                       oldest = import_time - 100 * one_day;

// Three ages of two series below web, and one of another name.
void fill(Importer& importer) {
  std::string body;
  for (char const* const path : {"web.load", "web.disk.hits", "webs.load"}) {
    body += fmt::format("={} 60\n", path);
    for (auto const begin : {young, older, oldest})
      for (int minute = 0; minute < 10; ++minute)
        body += fmt::format("{} {}\n", begin + 60 * minute, minute + 1);
  }
  importer.imported(body);
}

// What is to be seen of a series at the three ages.
Values seen(Importer& importer, char const* path) {
  Values all;
  for (auto const begin : {young, older, oldest})
    all.merge(importer.values(path, begin - 600, begin + 600));
  return all;
}

std::size_t minutes_seen(Values const& values) {
  std::size_t count = 0;
  for (auto const& each : values) count += each.first >= young ? 1 : 0;
  return count;
}

TEST_CASE("a path and all below it get another name") {
  Importer importer;
  fill(importer);
  auto const load = seen(importer, "web.load"), hits = seen(importer, "web.disk.hits");
  REQUIRE(minutes_seen(load) == 10);
  REQUIRE(load.at(older) == 5.5);  // the mean of ten minutes
  REQUIRE(hits.at(oldest) == 55);  // their sum
  std::string const request = "?from=web&to=sites.web";
  auto const dry = importer.send("", "/store/rename" + request + "&dry_run=1");
  REQUIRE(dry.status == 200);
  CHECK(json::parse(dry.body).at("series") == 2);
  CHECK(seen(importer, "web.load") == load);

  auto const done = importer.send("", "/store/rename" + request);
  INFO(done.body);
  REQUIRE(done.status == 200);
  CHECK(json::parse(done.body).at("series") == 2);
  CHECK(json::parse(done.body).at("points") == 2 * (10 + 1 + 1));  // as the archives show them
  CHECK(seen(importer, "sites.web.load") == load);
  CHECK(seen(importer, "sites.web.disk.hits") == hits);
  CHECK(seen(importer, "web.load").empty());
  CHECK(seen(importer, "web.disk.hits").empty());
  CHECK(minutes_seen(seen(importer, "webs.load")) == 10);
  auto const audit = importer.trial.store->audit();
  REQUIRE(audit);
  CHECK(audit->back().what == "rename web to sites.web: 2 series");

  // What comes later under the old name is a series of its own.
  importer.clock.advance(5min);
  importer.imported(fmt::format("=web.load\n{} 3\n", import_time + 120));
  CHECK(seen(importer, "web.load").empty());
  CHECK(importer.values("web.load", import_time, import_time + 240) ==
        Values{{import_time + 120, 3}});
}

TEST_CASE("one series alone gets another name") {
  Importer importer;
  fill(importer);
  auto const load = seen(importer, "web.load");
  REQUIRE(importer.send("", "/store/rename?from=web.load&to=web.load1").status == 200);
  CHECK(seen(importer, "web.load1") == load);
  CHECK(seen(importer, "web.load").empty());
  CHECK(minutes_seen(seen(importer, "web.disk.hits")) == 10);
}

TEST_CASE("a name that is taken is a conflict, unless the two are to be joined") {
  Importer importer;
  fill(importer);
  importer.imported(fmt::format("=b.load\n{} 70\n{} 80\n", young, young + 1200));
  auto const refused = importer.send("", "/store/rename?from=web&to=b");
  CHECK(refused.status == 409);
  CHECK(refused.body.starts_with("b.load is there already"));
  CHECK(minutes_seen(seen(importer, "web.load")) == 10);
  CHECK(seen(importer, "b.load") == Values{{young, 70}});
  REQUIRE(importer.send("", "/store/rename?from=web&to=b&merge=1").status == 200);
  CHECK(seen(importer, "b.load").at(young) == 1);
  CHECK(importer.values("b.load", young + 1140, young + 1260) == Values{{young + 1200, 80}});
}

TEST_CASE("names that cannot be given are refused, and nothing is changed") {
  Importer importer;
  fill(importer);
  auto const status = [&](std::string const& query) {
    return importer.send("", "/store/rename?" + query).status;
  };
  CHECK(status("from=web") == 400);
  CHECK(status("to=web") == 400);
  CHECK(status("from=web&to=a..b") == 400);
  CHECK(status("from=web&to=dadvisor.web") == 400);  // the agents' names
  CHECK(status("from=dadvisor.default.hosts.a&to=web2") == 400);
  CHECK(status("from=web&to=web.old") == 400);   // below itself
  CHECK(status("from=web&to=a%3Bdc=b") == 400);  // tagged
  CHECK(status("from=w%2A&to=b") == 404);        // a name, not a glob
  CHECK(status("from=nobody&to=b") == 404);
  CHECK(minutes_seen(seen(importer, "web.load")) == 10);
  CHECK(importer.trial.store->audit()->size() == 1);  // of the import
}

}  // namespace
}  // namespace dadvisor::aggregator::api
