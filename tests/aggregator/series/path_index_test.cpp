#include "aggregator/series/path_index.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::series;

namespace {

store::EntityInfo info(store::EntityId id, int app, int instance) {
  store::EntityInfo made;
  made.id = id;
  made.entity.key = {EntityKind::container, "h", "id" + std::to_string(id), id};
  made.entity.labels = {{"app", "/app/n" + std::to_string(app)},
                        {"cluster", "c"},
                        {"instance", std::to_string(instance)}};
  made.step = std::chrono::seconds(10);
  made.columns = {metric::cpu_usage, metric::mem_usage};
  return made;
}

std::size_t count(PathIndex const& index, std::string_view pattern) {
  auto const nodes = index.nodes(*graphite::PathPattern::compile(pattern), 100'000);
  REQUIRE(nodes);
  return nodes->size();
}

}  // namespace

TEST_CASE("the index follows lists that grow, change and shrink") {
  PathIndex index("dadvisor");
  auto list = std::make_shared<store::EntityList>();
  for (int i = 0; i < 10'000; ++i)
    list->push_back(info(static_cast<store::EntityId>(i + 1), i / 100, i % 100));
  index.follow(list);
  CHECK(count(index, "dadvisor.c.instances.*") == 100);
  CHECK(count(index, "dadvisor.c.instances.*.*") == 10'000);
  CHECK(count(index, "dadvisor.c.instances.app_n7.*.cpu.c*") == 100);
  auto const leaves =
      index.leaves(*graphite::PathPattern::compile("*.*.instances.app_n7.1?.cpu.cores"), 100);
  REQUIRE(leaves);
  REQUIRE((*leaves)->size() == 10);
  CHECK((*leaves)->front().path() == "dadvisor.c.instances.app_n7.10.cpu.cores");
  // All of one shape share their leaves.
  CHECK((*leaves)->front().members->leaves == (*leaves)->back().members->leaves);

  auto next = std::make_shared<store::EntityList>(*list);
  auto& pointers = next->pointers();
  pointers.erase(pointers.begin() + 700, pointers.begin() + 800);  // all of n7
  auto first = next->front();
  first.columns.push_back(metric::net_rx_bytes);
  pointers.front() = std::make_shared<store::EntityInfo const>(std::move(first));
  next->push_back(info(20'000, 0, 0));  // a second life of the first one's path
  index.follow(next);
  CHECK(count(index, "dadvisor.c.instances.*") == 99);
  CHECK(count(index, "dadvisor.c.instances.*.*") == 9'900);
  CHECK(count(index, "dadvisor.c.instances.app_n0.0.net.*") == 2);
  CHECK(count(index, "dadvisor.c.instances.app_n0.1.net.*") == 0);
  auto const members = index.at_or_above("dadvisor.c.instances.app_n0.0.cpu.cores");
  REQUIRE(members);
  REQUIRE(members->entities.size() == 2);
  CHECK(members->entities.back().id == 20'000);

  index.follow(std::make_shared<store::EntityList>());
  CHECK(count(index, "*") == 0);
}

std::vector<std::string> paths(PathIndex const& index, std::string_view pattern) {
  auto const leaves = index.leaves(*graphite::PathPattern::compile(pattern), 100'000);
  REQUIRE(leaves);
  std::vector<std::string> paths;
  for (MatchedLeaf const& leaf : **leaves) paths.push_back(leaf.path());
  return paths;
}

TEST_CASE("leaves and nodes are sorted by path, also behind names that others go on from") {
  PathIndex index("dadvisor");
  auto list = std::make_shared<store::EntityList>();
  store::EntityId id = 0;
  for (auto const* instance : {"a", "a-1", "a-1-2", "a1", "a+", "b", "a-1+"}) {
    auto one = info(++id, 1, 1);
    one.entity.labels = one.entity.labels.with("instance", instance);
    list->push_back(std::move(one));
  }
  index.follow(list);
  auto const leaves = paths(index, "dadvisor.c.instances.*.*.cpu.*");
  CHECK(leaves.size() == 2 * list->size());
  CHECK(std::ranges::is_sorted(leaves));
  auto const nodes =
      index.nodes(*graphite::PathPattern::compile("dadvisor.c.instances.*.*.cpu"), 100);
  REQUIRE(nodes);
  CHECK(nodes->size() == list->size());
  CHECK(std::ranges::is_sorted(*nodes, {}, &graphite::FoundNode::path));
}

TEST_CASE("a pattern that is asked again sees what came meanwhile") {
  PathIndex index("dadvisor");
  auto list = std::make_shared<store::EntityList>();
  list->push_back(info(1, 1, 1));
  index.follow(list);
  char const* const pattern = "dadvisor.c.instances.*.*.cpu.cores";
  CHECK(paths(index, pattern).size() == 1);
  auto const kept = index.leaves(*graphite::PathPattern::compile(pattern), 10);
  CHECK(*index.leaves(*graphite::PathPattern::compile(pattern), 10) == *kept);  // the same list
  auto next = std::make_shared<store::EntityList>(*list);
  next->push_back(info(2, 1, 2));
  index.follow(next);
  CHECK(paths(index, pattern).size() == 2);
  CHECK((*kept)->size() == 1);
}

TEST_CASE("more than the limit is too large") {
  PathIndex index("dadvisor");
  auto list = std::make_shared<store::EntityList>();
  for (int i = 0; i < 20; ++i) list->push_back(info(static_cast<store::EntityId>(i + 1), 1, i));
  index.follow(list);
  auto const pattern = graphite::PathPattern::compile("dadvisor.c.instances.*.*.cpu.cores");
  CHECK(index.leaves(*pattern, 20));
  auto const refused = index.leaves(*pattern, 19);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::too_large);
}
