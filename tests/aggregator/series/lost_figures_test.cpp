#include "aggregator/series/lost_figures.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::series;

namespace {

store::EntityInfo info(EntityKind kind, std::string host, std::string id, Labels labels = {}) {
  store::EntityInfo made;
  made.entity.key = {kind, std::move(host), std::move(id), 0};
  made.entity.labels = std::move(labels);
  return made;
}
store::EntityInfo instance(std::string host, std::string id, std::string app) {
  return info(EntityKind::container, std::move(host), std::move(id),
              {{"app", std::move(app)}, {"cluster", "c"}});
}

MembersPtr shown(store::EntityInfo one) {
  auto members = std::make_shared<Members>();
  members->entities.push_back(std::move(one));
  return members;
}

// As events of losses are (happening.hpp, whose tests pin the same).
graphite::Event loss(std::string const& host, std::int64_t first, std::int64_t last,
                     std::string const& reason = "full") {
  graphite::Event made;
  made.when = first;
  made.data = "first " + std::to_string(first) + ", last " + std::to_string(last);
  made.tags = {"loss", "host:" + host, "reason:" + reason};
  return made;
}

using Times = std::vector<graphite::Lost>;

}  // namespace

TEST_CASE("what a host lost is lost to it, its containers, their apps and its cluster") {
  store::EntityList const all{info(EntityKind::host, "h1", "", {{"cluster", "c"}}),
                              info(EntityKind::host, "h2", "", {{"cluster", "d"}}),
                              instance("h1", "a", "/shop"), instance("h2", "b", "/other")};
  std::vector<graphite::Event> const losses{loss("h1", 1000, 1500)};
  auto const lost = [&](store::EntityInfo one) {
    std::vector<MembersPtr> const members{shown(std::move(one))};
    return lost_figures(losses, members, all);
  };
  Times const those{{1000, 1500}};
  CHECK(lost(all.front()) == those);
  CHECK(lost(instance("h1", "a", "/shop")) == those);
  CHECK(lost(info(EntityKind::app, "c", "/shop")) == those);
  CHECK(lost(info(EntityKind::total, "c", "")) == those);
  CHECK(lost(info(EntityKind::host, "h2", "")).empty());
  CHECK(lost(instance("h2", "b", "/other")).empty());
  CHECK(lost(info(EntityKind::app, "c", "/other")).empty());
  CHECK(lost(info(EntityKind::app, "d", "/shop")).empty());  // of that name in another cluster
  CHECK(lost(info(EntityKind::total, "d", "")).empty());
}

TEST_CASE("losses within a minute of each other are shown as one, of all hosts together") {
  store::EntityList const all{instance("h1", "a", "/shop"), instance("h2", "b", "/shop")};
  std::vector<graphite::Event> losses{loss("h1", 1000, 1000), loss("h1", 1060, 1060),
                                      loss("h2", 1050, 1300), loss("h1", 1361, 1361)};
  losses.push_back(losses.front());
  losses.back().data = "no times";
  std::vector<MembersPtr> const members{shown(info(EntityKind::app, "c", "/shop"))};
  CHECK(lost_figures(losses, members, all) == Times{{1000, 1300}, {1361, 1361}});
  // What was thinned is there in part: by itself, whatever was lost beside it.
  losses.push_back(loss("h1", 1010, 1290, "thinned"));
  losses.push_back(loss("h2", 1310, 1350, "thinned"));
  CHECK(lost_figures(losses, members, all) ==
        Times{{1000, 1300}, {1010, 1350, true}, {1361, 1361}});
}
