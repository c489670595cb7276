#include "aggregator/sink/carbon_route.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor::aggregator::sink;
using namespace dadvisor;

namespace {

graphite::CarbonFilesPtr files_of(std::string_view white, std::string_view black,
                                  std::string_view rewrite) {
  auto files = std::make_shared<graphite::CarbonFiles>();
  files->white = graphite::parse_name_list(white, "whitelist.conf").names;
  files->black = graphite::parse_name_list(black, "blacklist.conf").names;
  auto rules = graphite::parse_rewrite_rules(rewrite, "rewrite-rules.conf");
  files->pre = rules.pre;
  files->post = rules.post;
  return files;
}

}  // namespace

TEST_CASE("without rules and ring every path goes as it is") {
  CarbonRoute route({});
  CHECK(route.of("a.b") == "a.b");
  CHECK_FALSE(route.filtered());
}

TEST_CASE("lists keep paths away, rules rename the others") {
  auto files = files_of("^dadvisor\\.", "secret",
                        "[pre]\n^dadvisor\\.bj\\. = cn.bj.\n[post]\nmem = memory\n");
  CarbonRouting routing;
  routing.files = [&] { return files; };
  CarbonRoute route(routing);
  route.refresh();
  CHECK(route.of("dadvisor.bj.hosts.h1.mem.free") == "cn.bj.hosts.h1.memory.free");
  CHECK_FALSE(route.of("dadvisor.bj.apps.secret.sum.cpu.cores"));
  CHECK(route.filtered());
  CHECK_FALSE(route.of("other.bj.x"));
  CHECK(route.filtered());
  files = files_of("", "", "");  // read again
  route.refresh();
  CHECK(route.of("other.bj.x") == "other.bj.x");
}

TEST_CASE("of several carbons each gets what the ring gives it, by the new name") {
  auto const ring = std::make_shared<graphite::HashRing const>(
      std::vector<graphite::HashNode>{{"127.0.0.1", "a"}, {"127.0.0.1", "b"}});
  auto const files = files_of("", "", "[pre]\n^renamed$ = x.y.z\n");
  auto const route_to = [&](std::size_t node, std::size_t replication) {
    CarbonRoute route({ring, node, replication, {}, [&] { return files; }});
    route.refresh();
    return route;
  };
  auto first = route_to(0, 1), second = route_to(1, 1);
  CHECK(first.of("servers.web01.cpu") == "servers.web01.cpu");  // hash_ring_test: 0 before 1
  CHECK_FALSE(second.of("servers.web01.cpu"));
  CHECK_FALSE(second.filtered());
  CHECK_FALSE(first.of("renamed"));
  CHECK(second.of("renamed") == "x.y.z");
  auto both = route_to(0, 2);
  CHECK(both.of("renamed") == "x.y.z");
}

TEST_CASE("relay rules take the place of hashing, by the new name") {
  auto const ring = std::make_shared<graphite::HashRing const>(
      std::vector<graphite::HashNode>{{"127.0.0.1", "a"}, {"127.0.0.1", "b"}});
  auto files = std::make_shared<graphite::CarbonFiles>(*files_of("", "", "[pre]\n^x\\. = y.\n"));
  files->relay = graphite::parse_relay_rules(
                     "[y]\npattern = ^y\\.\ndestinations = 127.0.0.1:2004:b\n"
                     "[all]\ndefault = true\ndestinations = 127.0.0.1:2004:a\n",
                     "relay-rules.conf")
                     .rules;
  auto const route_to = [&](std::size_t node, std::string destination) {
    CarbonRoute route({ring, node, 2, std::move(destination), [&] { return files; }});
    route.refresh();
    return route;
  };
  auto first = route_to(0, "127.0.0.1:2004:a"), second = route_to(1, "127.0.0.1:2004:b");
  CHECK_FALSE(first.of("x.cpu"));
  CHECK(second.of("x.cpu") == "y.cpu");
  CHECK(first.of("z.cpu") == "z.cpu");
  CHECK_FALSE(second.of("z.cpu"));
}
