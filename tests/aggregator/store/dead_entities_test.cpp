// Containers that are over: they leave memory, are found on disk, live again, and go.

#include <catch2/catch.hpp>

#include "aggregator/store/catalogue.hpp"
#include "simulated_disk.hpp"
#include "store_on_trial.hpp"

namespace dadvisor::aggregator::store {
namespace {

// Containers leave memory about as soon as they do in life.
StoreOptions burying() {
  StoreOptions options;
  options.dead_after = 15min - 1s;
  return options;
}

constexpr std::size_t plenty = 1'000'000;

std::vector<std::string> names(Store const& store) {
  std::vector<std::string> found;
  DeadQuery query;
  std::size_t budget = plenty;
  auto const groups = store.dead_groups();
  for (DeadGroup const& group : groups->all()) {
    query.group = group.id;
    REQUIRE(store.dead_names(query, budget, [&](DeadName const& name) {
      found.emplace_back(name.name);
      return true;
    }));
  }
  return found;
}

bool lives(Store const& store, EntityKey const& key) {
  auto const list = store.entities();
  return std::ranges::any_of(*list, [&](EntityInfo const& info) { return info.entity.key == key; });
}

// Containers 0, 1 and 2 for a minute, then 0 alone until the others have left memory.
struct Buried {
  SimulatedDisk disk;
  StandingClock clock{at(0)};
  StoreOnTrial trial{disk, clock, std::filesystem::temp_directory_path(), burying()};
  std::uint64_t sequence = 0;
  EntityId first_id = 0, second_id = 0;

  Buried() {
    for (int tick = 10; tick <= 60; tick += 10) append(tick, 3);
    trial.settle();
    auto const list = trial.store->entities();
    first_id = list->at(1).id;
    second_id = list->at(2).id;
    for (int spill = 1; spill <= 3; ++spill) {
      append(spill * 600, 1);
      REQUIRE(trial.spill());
    }
    REQUIRE(eventually([&] { return trial.store->counters().buried_entities == 2; }));
  }
  void append(std::int64_t tick, int containers) {
    REQUIRE(trial.append(batch("a", ++sequence, at(tick), containers)).get());
  }
};

TEST_CASE("a container that is over leaves memory and is found on disk, rows and all") {
  Buried buried;
  auto const& store = *buried.trial.store;
  CHECK(lives(store, container("a", 0).key));
  CHECK_FALSE(lives(store, container("a", 1).key));
  CHECK(store.counters().entities == 1);
  CHECK(store.counters().dead_entities == 2);
  auto const groups = store.dead_groups();
  REQUIRE(groups->all().size() == 1);
  CHECK(groups->all()[0].app == "/shop/cart");
  CHECK(groups->all()[0].first == tick_ns(at(10)));
  CHECK(groups->all()[0].last == tick_ns(at(60)));
  CHECK(groups->of_app("", "/shop/cart").size() == 1);
  CHECK(groups->of_app("", "/shop").empty());
  CHECK(names(store) == std::vector<std::string>{"c1", "c2"});
  auto const dead = store.dead({buried.second_id, buried.first_id});
  REQUIRE(dead);
  REQUIRE(dead->size() == 2);
  CHECK(dead->at(0).id == buried.first_id);
  CHECK(dead->at(0).entity == container("a", 1));
  // One by one, whether they live or not.
  REQUIRE(store.entity(buried.first_id));
  CHECK(store.entity(buried.first_id)->entity == container("a", 1));
  auto const living = store.entities();
  REQUIRE(store.entity(living->front().id));
  CHECK(store.entity(living->front().id)->entity == living->front().entity);
  CHECK(store.entity(1'000'000) == nullptr);
  CHECK(dead->at(0).step == 10s);
  CHECK(dead->at(0).columns == std::vector<MetricId>{metric::cpu_usage, metric::mem_usage});
  auto const rows = buried.trial.rows(container("a", 1).key);
  REQUIRE(rows.size() == 6);
  CHECK(rows.back() == SeenRow{60, {Cell(6010)}});
}

TEST_CASE("the dead are not loaded at a start and are known none the less") {
  Buried buried;
  buried.trial.open();
  CHECK(buried.trial.store->counters().entities == 1);
  CHECK(buried.trial.store->counters().dead_entities == 2);
  CHECK(names(*buried.trial.store) == std::vector<std::string>{"c1", "c2"});
  CHECK(buried.trial.rows(container("a", 2).key).size() == 6);
}

TEST_CASE("a late row brings a container back, with its number") {
  Buried buried;
  SECTION("in the same run") {}
  SECTION("behind a restart") { buried.trial.open(); }
  auto& trial = buried.trial;
  buried.append(70, 2);
  trial.settle();
  CHECK(trial.store->counters().revived_entities == 1);
  REQUIRE(lives(*trial.store, container("a", 1).key));
  auto const rows = trial.rows(container("a", 1).key);
  CHECK(rows.size() == 7);
  auto const known = trial.known();
  REQUIRE(known.contains(buried.first_id));
  CHECK(known.at(buried.first_id)->entity.key == container("a", 1).key);
  CHECK(known.size() == 3);  // until the catalogue is told it is among the dead too
  SECTION("and it dies again") {
    for (int spill = 4; spill <= 6; ++spill) {
      buried.append(spill * 600, 1);
      REQUIRE(trial.spill());
    }
    REQUIRE(eventually([&] { return !lives(*trial.store, container("a", 1).key); }));
    CHECK(trial.store->counters().dead_entities == 2);
    CHECK(names(*trial.store) == std::vector<std::string>{"c1", "c2"});
    CHECK(trial.rows(container("a", 1).key).size() == 7);
    CHECK(trial.known().at(buried.first_id)->last_tick == at(70));
  }
}

TEST_CASE("what was deleted of a dead container stays deleted, also when it lives again") {
  Buried buried;
  auto& trial = buried.trial;
  Tombstone const deleted{buried.first_id, std::numeric_limits<TickNs>::min(), tick_ns(at(60)),
                          tick_ns(at(1800))};
  REQUIRE(trial.store->delete_rows({&deleted, 1}, {at(1800), "root", "delete"}));
  CHECK(trial.rows(container("a", 1).key).empty());
  CHECK(trial.store->dead({buried.first_id})->empty());
  buried.append(50, 2);
  buried.append(70, 2);
  trial.settle();
  auto const rows = trial.rows(container("a", 1).key);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].first == 70);
}

TEST_CASE("a dead container goes when no tier has it any more") {
  Buried buried;
  auto& trial = buried.trial;
  auto const kept = trial.options.tiers.of(Tier::minute_instances).retention;
  buried.append(2'400, 1);
  REQUIRE(trial.spill(kept - 40min));
  trial.settle();
  CHECK(trial.store->counters().dead_entities >= 2);
  buried.append(unix_seconds(buried.clock.wall()) - unix_seconds(at(0)), 1);
  REQUIRE(trial.spill(20min));
  REQUIRE(eventually([&] { return names(*trial.store) != std::vector<std::string>{"c1", "c2"}; }));
  CHECK(trial.store->counters().crowded_out_entities == 0);
}

TEST_CASE("spills that become a segment keep the rows of the dead") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOptions options = burying();
  options.spills_per_segment = 2;
  StoreOnTrial trial(disk, clock, std::filesystem::temp_directory_path(), options);
  std::uint64_t sequence = 0;
  REQUIRE(trial.append(batch("a", ++sequence, at(10), 2)).get());
  for (int spill = 1; spill <= 6; ++spill) {
    REQUIRE(trial.append(batch("a", ++sequence, at(spill * 600), 1)).get());
    REQUIRE(trial.spill());
  }
  REQUIRE(eventually([&] { return trial.store->counters().merges >= 3; }));
  CHECK(trial.store->counters().buried_entities == 1);
  CHECK(trial.rows(container("a", 1).key) == std::vector<SeenRow>{{10, {Cell(1010)}}});
}

// A catalogue with so many of one app, a second apart, and how it is asked.
struct Many {
  static constexpr int count = 5000;
  TemporaryDirectory directory;
  Catalogue catalogue;
  std::uint32_t group = 0;

  static std::string name_of(Entity const& entity) { return entity.key.container_id; }
  static CatalogueEntity one(int number) {
    CatalogueEntity made;
    made.info.id = static_cast<EntityId>(number + 1);
    made.info.entity = {{EntityKind::container, "h" + std::to_string(number % 7),
                         "i" + std::to_string(10'000 + number), number},
                        {{"app", "web"}}};
    made.info.columns = {1, 2};
    made.info.step = 10s;
    made.info.first_tick = at(number);
    made.info.last_tick = at(number + 9);
    return made;
  }
  static Catalogue open(std::string const& path) {
    auto opened = Catalogue::open(path);
    REQUIRE(opened);
    REQUIRE(opened->load());
    return std::move(*opened);
  }
  Many() : catalogue(open(directory.path() + "/catalogue.db")) {
    std::vector<CatalogueEntity> all;
    for (int number = 0; number < count; ++number) all.push_back(one(number));
    REQUIRE(catalogue.bury(all, name_of));
    group = catalogue.dead().groups()->all()[0].id;
  }
  // How many are found, and that no row too many was looked at.
  static DeadQuery named(std::string prefix, bool exact = false) {
    DeadQuery query;
    query.prefix = std::move(prefix);
    query.exact = exact;
    return query;
  }
  std::size_t found(DeadQuery query, std::size_t at_most) {
    query.group = group;
    std::size_t budget = at_most, seen = 0;
    REQUIRE(catalogue.dead().visit(query, budget, [&](DeadName const&) { return ++seen > 0; }));
    return seen;
  }
};

TEST_CASE("a find among many dead looks at the rows that it means and at no more") {
  Many many;
  CHECK(many.found(Many::named("i12345", true), 1) == 1);
  CHECK(many.found(Many::named("i12345x", true), 0) == 0);
  CHECK(many.found(Many::named("i123"), 100) == 100);
  CHECK(many.found(Many::named("i"), Many::count) == Many::count);
  CHECK(many.found({}, Many::count) == Many::count);
  // Rows of [4900, 4903] s: those that end at or behind its begin are looked at.
  DeadQuery late;
  late.from = tick_ns(at(4900));
  late.until = tick_ns(at(4903));
  CHECK(many.found(late, Many::count - (4900 - 9)) == 4904 - (4900 - 9));
  std::size_t budget = 99;
  auto query = Many::named("i123");
  query.group = many.group;
  auto const too_many =
      many.catalogue.dead().visit(query, budget, [](DeadName const&) { return true; });
  REQUIRE_FALSE(too_many);
  CHECK(too_many.error().code == Errc::too_large);
}

TEST_CASE("dead containers are found by their key, and only by all of it") {
  Many many;
  auto& dead = many.catalogue.dead();
  auto key = Many::one(4711).info.entity.key;
  auto const found = dead.find(key);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->id == 4712);
  CHECK((*found)->entity == Many::one(4711).info.entity);
  key.start_ns = 12;
  CHECK_FALSE(*dead.find(key));
  key = Many::one(4711).info.entity.key;
  key.host = "h8";
  CHECK_FALSE(*dead.find(key));
}

TEST_CASE("the oldest dead go first, and what a failed transaction did is undone") {
  Many many;
  auto& dead = many.catalogue.dead();
  auto const old = dead.older_than(tick_ns(at(109)), plenty);
  REQUIRE(old);
  CHECK(old->size() == 100);
  REQUIRE(many.catalogue.forget_dead(*old));
  CHECK(dead.size() == Many::count - 100);
  CHECK(dead.older_than(tick_ns(at(109)), plenty)->empty());
  CHECK(dead.groups()->all()[0].entities == Many::count - 100);
  // Twice the same number in one transaction: the second is refused, and so is the first.
  auto const again = Many::one(3);
  std::array const twice{again, again};
  CHECK_FALSE(many.catalogue.bury(twice, Many::name_of));
  CHECK(dead.size() == Many::count - 100);
  CHECK_FALSE(*dead.read(again.info.id));
  REQUIRE(many.catalogue.bury({&again, 1}, Many::name_of));
  CHECK(dead.size() == Many::count - 99);
}

TEST_CASE("of too many dead the oldest go before their rows do, and are counted") {
  SimulatedDisk disk;
  StandingClock clock(at(0));
  StoreOptions options = burying();
  options.most_dead = 1;
  options.crowded_retention = 1h;
  StoreOnTrial trial(disk, clock, std::filesystem::temp_directory_path(), options);
  std::uint64_t sequence = 0;
  REQUIRE(trial.append(batch("a", ++sequence, at(10), 3)).get());
  REQUIRE(trial.append(batch("a", ++sequence, at(20), 2)).get());
  for (int spill = 1; spill <= 4; ++spill) {
    REQUIRE(trial.append(batch("a", ++sequence, at(spill * 600), 1)).get());
    REQUIRE(trial.spill());
  }
  REQUIRE(eventually([&] { return trial.store->counters().buried_entities == 2; }));
  CHECK(trial.store->counters().dead_entities == 2);  // none is an hour old
  REQUIRE(trial.append(batch("a", ++sequence, at(4'100), 1)).get());
  REQUIRE(trial.spill(30min));
  REQUIRE(eventually([&] { return trial.store->counters().dead_entities == 1; }));
  CHECK(trial.store->counters().crowded_out_entities == 1);
  CHECK(names(*trial.store) == std::vector<std::string>{"c1"});
}

}  // namespace
}  // namespace dadvisor::aggregator::store
