// Series of containers that are over and left the store's memory.

#include <catch2/catch.hpp>

#include "../store/simulated_disk.hpp"
#include "../store/store_on_trial.hpp"
#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/store_series_source.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::series;
using namespace std::chrono_literals;
using store::at;

namespace {

Entity instance(std::string app, std::string owner, std::string name, std::string id,
                std::int64_t start_second) {
  return {{EntityKind::container, "a", std::move(id), store::tick_ns(at(start_second))},
          {{"app", std::move(app)},
           {"cluster", "c"},
           {"instance", std::move(name)},
           {"owner", std::move(owner)}}};
}

// Slot 1 of the cart ran twice, and its second life goes on; slot 2 and the mail are over.
struct Graves {
  store::SimulatedDisk disk;
  store::StandingClock clock{at(0)};
  store::StoreOnTrial trial;
  std::unique_ptr<StoreSeriesSource> source;
  std::uint64_t sequence = 0;
  Entity const first = instance("/shop/cart", "pay", "1", "aa", 0);
  Entity const second = instance("/shop/cart", "pay", "1", "bb", 100);
  Entity const gone = instance("/shop/cart", "pay", "2", "cc", 0);
  Entity const mail = instance("mail", "post", "1", "dd", 0);

  Graves() : trial(disk, clock, std::filesystem::temp_directory_path(), options()) {
    for (int tick = 10; tick <= 60; tick += 10) append(tick, {{&first, 1}, {&gone, 2}, {&mail, 3}});
    for (int spill = 1; spill <= 3; ++spill) {
      append(spill * 600, {{&second, 4}});
      REQUIRE(trial.spill());
    }
    REQUIRE(store::eventually([&] { return trial.store->counters().buried_entities == 3; }));
    look();
  }
  static store::StoreOptions options() {
    store::StoreOptions its;
    its.name_of = instance_node;
    its.dead_after = std::chrono::minutes(14);
    return its;
  }
  void look() { source = std::make_unique<StoreSeriesSource>(*trial.store); }
  void append(int tick, std::vector<std::pair<Entity const*, std::int64_t>> const& rows) {
    Batch batch;
    batch.stream = {"a", 1};
    batch.sequence = ++sequence;
    batch.tick = at(tick);
    batch.step = 10s;
    batch.schemas = {{{metric::mem_usage}}};
    for (auto const& [entity, value] : rows) {
      auto const slot = static_cast<std::uint32_t>(entity->key.container_id[0]);
      batch.entities.push_back({slot, *entity});
      batch.rows.push_back({slot, 0, {Cell(value)}});
    }
    REQUIRE(trial.append(batch).get());
    trial.settle();
  }
  graphite::Window window(int from, int until) const {
    return {unix_seconds(at(from)), unix_seconds(at(until)), unix_seconds(at(1800))};
  }
  // "name: values", those that are there.
  std::vector<std::string> values(Result<std::vector<graphite::Series>> const& fetched) const {
    REQUIRE(fetched);
    std::vector<std::string> all;
    for (graphite::Series const& series : *fetched) {
      std::string line = series.name + ":";
      for (double const value : series.values)
        if (!graphite::is_absent(value)) line += " " + std::to_string(static_cast<int>(value));
      all.push_back(line);
    }
    return all;
  }
  std::vector<std::string> fetch(std::string_view pattern, int from, int until) const {
    return values(source->fetch(pattern, window(from, until)));
  }
  std::vector<std::string> tagged(std::vector<std::string> const& expressions, int from,
                                  int until) const {
    return values(source->fetch_tagged(expressions, window(from, until)));
  }
  std::vector<std::string> find(std::string_view pattern, graphite::Window const& of = {}) const {
    auto const found = source->find(pattern, of);
    REQUIRE(found);
    std::vector<std::string> nodes;
    for (auto const& node : *found) nodes.push_back((node.leaf ? "" : "+") + node.path);
    return nodes;
  }
};

std::string const instances = "dadvisor.c.instances.";
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("render shows what is over beside what lives, and the lives of one path as one") {
  Graves graves;
  SECTION("in the run in which they ended") {}
  SECTION("behind a restart") {
    graves.trial.open();
    graves.look();
  }
  CHECK(graves.fetch(instances + "*.*.mem.usage", 0, 1800) ==
        Lines{instances + "mail.1.mem.usage: 3 3 3 3 3 3",
              instances + "shop_cart.1.mem.usage: 1 1 1 1 1 1 4 4 4",
              instances + "shop_cart.2.mem.usage: 2 2 2 2 2 2"});
  CHECK(graves.fetch(instances + "shop_cart.2.mem.usage", 30, 50) ==
        Lines{instances + "shop_cart.2.mem.usage: 2 2"});
}

TEST_CASE("what was over before a query begins is no part of it") {
  Graves graves;
  CHECK(graves.fetch(instances + "*.*.mem.usage", 900, 1800) ==
        Lines{instances + "shop_cart.1.mem.usage: 4 4"});
  CHECK(graves.find(instances + "*", graves.window(900, 1800)) ==
        Lines{"+" + instances + "shop_cart"});
  CHECK(graves.find(instances + "shop_cart.*", graves.window(900, 1800)) ==
        Lines{"+" + instances + "shop_cart.1"});
}

TEST_CASE("find goes down the paths of what is over") {
  Graves graves;
  CHECK(graves.find("*") == Lines{"+dadvisor"});
  CHECK(graves.find(instances + "*") ==
        Lines{"+" + instances + "mail", "+" + instances + "shop_cart"});
  CHECK(graves.find(instances + "shop*.*") ==
        Lines{"+" + instances + "shop_cart.1", "+" + instances + "shop_cart.2"});
  CHECK(graves.find(instances + "shop_cart.{1,2,3}") ==
        Lines{"+" + instances + "shop_cart.1", "+" + instances + "shop_cart.2"});
  CHECK(graves.find(instances + "mail.1.*") == Lines{"+" + instances + "mail.1.mem"});
  CHECK(graves.find(instances + "mail.1.mem.*") == Lines{instances + "mail.1.mem.usage"});
  CHECK(graves.find(instances + "mail.2.*").empty());
  CHECK(graves.find(instances + "mail.1.mem.usage.*").empty());
}

TEST_CASE("tags name what is over, by app, by owner, by name") {
  Graves graves;
  CHECK(graves.tagged({"name=mem.usage", "owner=pay"}, 0, 1800) ==
        Lines{"mem.usage;app=/shop/cart;cluster=c;host=a;instance=1;kind=instance;owner=pay: 1 1 1 "
              "1 1 1 4 4 4",
              "mem.usage;app=/shop/cart;cluster=c;host=a;instance=2;kind=instance;owner=pay: 2 2 2 "
              "2 2 2"});
  CHECK(graves.tagged({"name=mem.usage", "app=mail"}, 0, 1800).size() == 1);
  CHECK(graves.tagged({"name=mem.usage", "app=~.*", "instance=2"}, 0, 1800).size() == 1);
  CHECK(graves.tagged({"name=mem.usage", "owner=post"}, 900, 1800).empty());
  CHECK(graves.tagged({"name=cpu.cores", "owner=post"}, 0, 1800).empty());
  CHECK(graves.tagged({"name=mem.usage", "kind=host"}, 0, 1800).empty());
}

TEST_CASE("the labels of what is over are known, and that it ended") {
  Graves graves;
  auto const labels = graves.source->labels_of(instances + "mail.1.mem.usage");
  REQUIRE(labels.contains("owner"));
  CHECK(labels.at("owner") == "post");
  CHECK(graves.source->labels_of(instances + "mail.7.mem.usage").empty());
  auto const entities = graves.source->entities(instances + "*.*");
  REQUIRE(entities);
  REQUIRE(entities->size() == 3);
  CHECK(entities->at(1)->entities.size() == 2);  // both lives of the cart's first slot
}

TEST_CASE("more of what is over than may match is refused") {
  Graves graves;
  SeriesOptions options;
  options.most_series = 2;
  StoreSeriesSource const narrow(*graves.trial.store, options);
  auto const refused = narrow.fetch(instances + "*.*.mem.usage", graves.window(0, 1800));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::too_large);
  options.most_series = 50;
  options.most_dead_rows = 1;
  StoreSeriesSource const short_sighted(*graves.trial.store, options);
  CHECK_FALSE(short_sighted.fetch(instances + "shop_cart.*.mem.usage", graves.window(0, 1800)));
  CHECK(short_sighted.fetch(instances + "shop_cart.2.mem.usage", graves.window(0, 1800)));
}
