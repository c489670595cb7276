#include "aggregator/series/store_series_source.hpp"

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <set>

#include "aggregator/store/real_disk.hpp"
#include "common/core/frame/frame.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "tests/hand_clock.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::series;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t t0 = 1'800'000'000;
constexpr Nanoseconds step = 10s;
using Values = std::vector<double>;  // -1: absent

class Shelf {
 public:
  Shelf() {
    static std::atomic<int> number{0};
    directory_ = std::filesystem::temp_directory_path() /
                 ("dadvisor-series-" + std::to_string(::getpid()) + "-" + std::to_string(++number));
    std::filesystem::create_directories(directory_);
    store::StoreOptions options;
    options.directory = directory_;
    auto opened = store::Store::open(options, disk_, clock_, Log("test", LogLevel::error), nullptr);
    REQUIRE(opened);
    store_ = std::move(*opened);
    source = std::make_unique<StoreSeriesSource>(*store_);
  }
  ~Shelf() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  Shelf(Shelf const&) = delete;

  // One entity's row at t0 + seconds.
  void row(Entity const& entity, int seconds, std::vector<std::pair<MetricId, Cell>> const& cells,
           Nanoseconds its_step = step) {
    auto batch = std::make_shared<Batch>();
    batch->stream = {entity.key.host + entity.key.container_id, 1};
    batch->sequence = ++sequence_;
    batch->tick = from_unix_seconds(t0 + seconds);
    batch->step = its_step;
    batch->schemas.emplace_back();
    batch->entities.push_back({1, entity});
    batch->rows.push_back({1, 0, {}});
    for (auto const& [metric, cell] : cells) {
      batch->schemas[0].metrics.push_back(metric);
      batch->rows[0].cells.push_back(cell);
    }
    std::string frame = encode_key_frame(*batch);
    store_->append(std::move(frame), batch, [](Result<void>) {});
  }
  // A rolled-up row.
  void put(EntityKey const& key, int seconds,
           std::vector<std::pair<MetricId, double>> const& columns) {
    store_->post([=, this] {
      Schema schema;
      std::vector<Cell> cells;
      for (auto const& [column, value] : columns) {
        schema.metrics.push_back(column);
        cells.push_back(real_cell(value));
      }
      store_->put(key, {}, from_unix_seconds(t0 + seconds), step, schema, cells);
    });
  }
  void settle() {
    std::promise<void> done;
    store_->post([&] { done.set_value(); });
    done.get_future().wait();
  }
  std::vector<graphite::Series> fetch(std::string_view pattern, int from, int until) {
    settle();
    auto fetched = source->fetch(pattern, {t0 + from, t0 + until, t0 + until});
    REQUIRE(fetched);
    return std::move(*fetched);
  }
  // The values of the one series that matches.
  Values values(std::string_view pattern, int from, int until) {
    auto const fetched = fetch(pattern, from, until);
    REQUIRE(fetched.size() == 1);
    Values found;
    for (double const value : fetched[0].values)
      found.push_back(graphite::is_absent(value) ? -1 : value);
    return found;
  }
  std::vector<std::string> find(std::string_view pattern) {
    settle();
    auto const found = source->find(pattern, {});
    REQUIRE(found);
    std::vector<std::string> nodes;
    for (auto const& node : *found) nodes.push_back((node.leaf ? "" : "+") + node.path);
    return nodes;
  }

  std::unique_ptr<StoreSeriesSource> source;

 private:
  std::string directory_;
  store::RealDisk disk_;
  test::HandClock const clock_{from_unix_seconds(t0)};
  std::unique_ptr<store::Store> store_;
  std::uint64_t sequence_ = 0;
};

Entity container(std::string app, std::string instance, std::string id, std::int64_t start_second) {
  return {{EntityKind::container, "h1", std::move(id), (t0 + start_second) * 1'000'000'000},
          {{"app", std::move(app)},
           {"cluster", "c"},
           {"instance", std::move(instance)},
           {"owner", "team"}}};
}
Entity const host{{EntityKind::host, "h1", "", 0}, {{"cluster", "c"}, {"host", "h1"}}};

std::string const cart = "dadvisor.c.instances.shop_cart.1.";

}  // namespace

TEST_CASE("a gauge, a counter, its rate and its percentage, on the grid of the step") {
  Shelf shelf;
  Entity const one = container("/shop/cart", "1", "aa", -1000);
  for (int i = 0; i <= 3; ++i)
    shelf.row(one, 10 * i,
              {{metric::cpu_usage, (100 + 5 * i) * 1'000'000'000LL},
               {metric::cpu_limit, real_cell(2)},
               {metric::mem_usage, 1000 + i}});
  // (from, until]: from just before t0 to t0 + 30.
  CHECK(shelf.values(cart + "mem.usage", -1, 30) == Values{1000, 1001, 1002, 1003});
  CHECK(shelf.values(cart + "mem.usage", 0, 35) == Values{1001, 1002, 1003});
  CHECK(shelf.values(cart + "cpu.usage", 0, 30) == Values{105, 110, 115});
  CHECK(shelf.values(cart + "cpu.cores", -1, 30) == Values{-1, 0.5, 0.5, 0.5});
  CHECK(shelf.values(cart + "cpu.cores", 10, 20) == Values{0.5});  // looks back by itself
  CHECK(shelf.values(cart + "cpu.pct_limit", -1, 30) == Values{-1, 25, 25, 25});
  CHECK(shelf.values(cart + "cpu.cores", 12, 15) == Values{0.5});  // at least one
  CHECK(shelf.values(cart + "cpu.cores", 200, 230) == Values{-1, -1, -1});
  auto const series = shelf.fetch(cart + "*.cores", -1, 30);
  REQUIRE(series.size() == 1);
  CHECK(series[0].name == cart + "cpu.cores");
  CHECK(series[0].path_expression == cart + "*.cores");
  CHECK(series[0].start == t0);
  CHECK(series[0].end == t0 + 40);
  CHECK(series[0].step == 10);
  CHECK(series[0].tags == std::map<std::string, std::string>{{"name", cart + "cpu.cores"}});
  CHECK(shelf.fetch("dadvisor.c.instances.shop_cart.2.cpu.cores", 0, 30).empty());
  CHECK(shelf.fetch("dadvisor.c.instances.shop_cart.1.cpu", 0, 30).empty());
}

TEST_CASE("a container that began since its agent's last tick has a rate at its first tick") {
  Shelf shelf;
  for (int i = 0; i <= 4; ++i)
    if (i != 2) shelf.row(host, 10 * i, {{metric::cpu_usage, 1}});
  // Started at 16 s; the agent missed 20 s and saw it at 30 s: 0.75 s of CPU in the 20 s since 10
  // s.
  shelf.row(container("a", "1", "aa", 16), 30, {{metric::cpu_usage, 750'000'000}});
  // Began 16 s before the agent's tick at 10 s, which did not see it.
  shelf.row(container("a", "2", "bb", -6), 30, {{metric::cpu_usage, 750'000'000}});
  // Began 6 s before that tick, when its name had not come yet.
  shelf.row(container("a", "3", "cc", 4), 30, {{metric::cpu_usage, 750'000'000}});
  CHECK(shelf.values("dadvisor.c.instances.a.1.cpu.cores", 20, 30) == Values{0.0375});
  CHECK(shelf.values("dadvisor.c.instances.a.2.cpu.cores", 20, 30) == Values{-1});
  CHECK(shelf.values("dadvisor.c.instances.a.3.cpu.cores", 20, 30) == Values{0.0375});
}

TEST_CASE("over a hole the rate is the mean, over a long one there is none") {
  Shelf shelf;
  Entity const one = container("/shop/cart", "1", "aa", -1000);
  for (int const second : {0, 10, 40, 90})
    shelf.row(one, second, {{metric::net_rx_bytes, 100 * second}});
  CHECK(shelf.values(cart + "net.rx_bytes_rate", -1, 90) ==
        Values{-1, 100, -1, -1, 100, -1, -1, -1, -1, -1});
}

TEST_CASE("several lives answer to one path: per step the latest start wins") {
  Shelf shelf;
  Entity const first = container("/shop/cart", "1", "aa", -1000);
  Entity const second = container("/shop/cart", "1", "bb", 15);
  for (int i = 0; i <= 3; ++i) shelf.row(first, 10 * i, {{metric::mem_usage, 1000}});
  for (int i = 2; i <= 4; ++i) shelf.row(second, 10 * i, {{metric::mem_usage, 7}});
  CHECK(shelf.values(cart + "mem.usage", -1, 50) == Values{1000, 1000, 7, 7, 7, -1});
}

TEST_CASE("series that are read in one go are what each is by itself") {
  Shelf shelf;
  for (int i = 0; i < 8; ++i) {
    Entity const one = container("/shop/cart", std::to_string(i), "a" + std::to_string(i), -1000);
    for (int tick = 0; tick <= 6; ++tick) {
      if (i == 3 && tick == 4) continue;                 // a hole
      if (i == 5 && tick < 6) continue;                  // begins behind most windows
      if (i == 6 && tick > 1) continue;                  // ends before most
      Nanoseconds const its_step = i == 7 ? 20s : step;  // on a grid of its own
      if (i == 7 && tick % 2 != 0) continue;
      shelf.row(one, 10 * tick,
                {{metric::cpu_usage, (100 + i * tick) * 1'000'000'000LL},
                 {metric::mem_usage, 1000 * i + tick}},
                its_step);
    }
  }
  // A second life under one of the paths.
  shelf.row(container("/shop/cart", "2", "later", 45), 50, {{metric::mem_usage, 77}});
  for (auto const& [from, until] : {std::pair(-1, 60), std::pair(15, 55), std::pair(25, 30)}) {
    for (std::string const leaf : {"mem.usage", "cpu.cores", "*.*"}) {
      auto const all = shelf.fetch("dadvisor.c.instances.shop_cart.*." + leaf, from, until);
      CHECK(all.size() == (leaf == "*.*" ? 24 : 8));
      for (graphite::Series const& series : all) {
        auto const alone = shelf.fetch(series.name, from, until);
        REQUIRE(alone.size() == 1);
        INFO(series.name << " from " << from << " until " << until);
        CHECK(series.start == alone[0].start);
        CHECK(series.step == (series.name.find(".7.") != std::string::npos ? 20 : 10));
        REQUIRE(series.values.size() == alone[0].values.size());
        for (std::size_t value = 0; value < series.values.size(); ++value)
          CHECK((series.values[value] == alone[0].values[value] ||
                 (graphite::is_absent(series.values[value]) &&
                  graphite::is_absent(alone[0].values[value]))));
      }
    }
  }
  CHECK(shelf.values("dadvisor.c.instances.shop_cart.2.mem.usage", 30, 60) ==
        Values{2004, 77, 2006});
}

TEST_CASE("a restart's counter has no negative rate") {
  Shelf shelf;
  shelf.row(container("/shop/cart", "1", "aa", -1000), 0, {{metric::cpu_usage, 9'000'000'000}});
  shelf.row(container("/shop/cart", "1", "aa", 4), 10, {{metric::cpu_usage, 2'000'000'000}});
  CHECK(shelf.values(cart + "cpu.cores", -1, 10) == Values{-1, 0.2});
}

TEST_CASE("apps and totals show STATs of rates and quotients of sums") {
  Shelf shelf;
  auto const column = rollup_column;
  for (EntityKey const& key :
       {EntityKey{EntityKind::app, "c", "/shop/cart", 0}, EntityKey{EntityKind::total, "c", "", 0}})
    shelf.put(key, 10,
              {{column(metric::cpu_usage, RollupPart::sum), 15e9},
               {column(metric::cpu_usage, RollupPart::min), 5e9},
               {column(metric::cpu_usage, RollupPart::max), 10e9},
               {column(metric::cpu_usage, RollupPart::count), 2},
               {column(metric::mem_usage, RollupPart::sum), 300},
               {column(metric::state_expected, RollupPart::all), 3},
               {column(metric::cpu_pressure_some, RollupPart::all), 1'000'000},
               {column(metric::cpu_pct_limit, RollupPart::numerator), 1.5},
               {column(metric::cpu_pct_limit, RollupPart::denominator), 2}});
  for (std::string const path : {"dadvisor.c.apps.shop_cart.", "dadvisor.c.total."}) {
    CHECK(shelf.values(path + "sum.cpu.cores", 0, 10) == Values{1.5});
    CHECK(shelf.values(path + "avg.cpu.cores", 0, 10) == Values{0.75});
    CHECK(shelf.values(path + "min.cpu.cores", 0, 10) == Values{0.5});
    CHECK(shelf.values(path + "max.cpu.cores", 0, 10) == Values{1});
    CHECK(shelf.values(path + "count.cpu.cores", 0, 10) == Values{2});
    CHECK(shelf.values(path + "sum.mem.usage", 0, 10) == Values{300});
    CHECK(shelf.values(path + "avg.mem.usage", 0, 10) == Values{-1});
    CHECK(shelf.values(path + "all.state.expected", 0, 10) == Values{3});
    CHECK(shelf.values(path + "all.cpu.pressure_some_rate", 0, 10) == Values{0.1});
    CHECK(shelf.values(path + "all.cpu.pct_limit", 0, 10) == Values{75});
    CHECK(shelf.fetch(path + "sum.cpu.usage", 0, 10).empty());
    CHECK(shelf.fetch(path + "max.cpu.cores", 0, 10)[0].consolidation ==
          graphite::Consolidation::max);
  }
}

TEST_CASE("nodes are found level by level, and follow the store") {
  Shelf shelf;
  shelf.row(container("/shop/cart", "1", "aa", 0), 10, {{metric::mem_usage, 1}});
  shelf.row(host, 10, {{metric::load_1m, real_cell(0.5)}, {metric::cpu_usage, Cell{}}});
  CHECK(shelf.find("*") == std::vector<std::string>{"+dadvisor"});
  CHECK(shelf.find("dadvisor.c.*") ==
        std::vector<std::string>{"+dadvisor.c.hosts", "+dadvisor.c.instances"});
  CHECK(shelf.find("dadvisor.*.hosts.h1.*") ==
        std::vector<std::string>{"+dadvisor.c.hosts.h1.load"});
  CHECK(shelf.find("dadvisor.*.hosts.h1.*.*") ==
        std::vector<std::string>{"dadvisor.c.hosts.h1.load.1m"});
  CHECK(shelf.find("dadvisor.c.instances.shop_{cart,web}.*") ==
        std::vector<std::string>{"+dadvisor.c.instances.shop_cart.1"});
  shelf.row(container("/shop/web", "1", "bb", 0), 20, {{metric::mem_usage, 1}});
  shelf.row(container("/shop/cart", "1", "aa", 0), 20, {{metric::mem_rss, 1}});
  CHECK(shelf.find("dadvisor.c.instances.shop_{cart,web}.*") ==
        std::vector<std::string>{"+dadvisor.c.instances.shop_cart.1",
                                 "+dadvisor.c.instances.shop_web.1"});
  CHECK(shelf.find("dadvisor.c.instances.shop_cart.1.mem.*") ==
        std::vector<std::string>{cart + "mem.rss", cart + "mem.usage"});
  CHECK(shelf.find("dadvisor.c.instances.shop_cart.1.mem.rss.*").empty());
  CHECK(shelf.find("nothing.*").empty());
}

TEST_CASE("a pattern that matches too much is refused") {
  Shelf shelf;
  for (int i = 0; i < 5; ++i)
    shelf.row(container("a", std::to_string(i), "x" + std::to_string(i), 0), 10,
              {{metric::mem_usage, 1}});
  shelf.settle();
  auto const fetched =
      shelf.source->fetch("dadvisor.c.instances.a.*.mem.usage", {t0 - 1'000'000'000, t0, t0});
  REQUIRE_FALSE(fetched);
  CHECK(fetched.error().code == Errc::too_large);
}

TEST_CASE("a query keeps as many series and points as its budget has, and sums may have more") {
  Shelf shelf;
  for (int i = 0; i < 3; ++i)
    shelf.row(container("a", std::to_string(i), "x" + std::to_string(i), 0), 10,
              {{metric::mem_usage, 1}});
  shelf.settle();
  SystemClock const clock;
  std::string const pattern = "dadvisor.c.instances.a.*.mem.usage";
  auto const limit = [&](graphite::QueryLimits const& limits, auto const& ask) -> std::string {
    graphite::QueryBudget budget(limits, clock);
    auto const done = ask(graphite::Window{t0, t0 + 60, t0 + 60, {}, &budget});
    if (done) return "";
    CHECK(done.error().code == Errc::too_large);
    return done.error().limit == nullptr ? done.error().context : done.error().limit;
  };
  auto const fetch = [&](graphite::Window const& window) {
    return shelf.source->fetch(pattern, window);
  };
  auto const tagged = [&](graphite::Window const& window) {
    return shelf.source->fetch_tagged({"name=mem.usage", "app=a"}, window);
  };
  auto const sum = [&](graphite::Window const& window) -> Result<void> {
    auto const matched = shelf.source->match(pattern, window);
    if (!matched) return matched.error();
    return (*matched)->each([](std::size_t, std::span<double const>) {});
  };
  auto const find = [&](graphite::Window const& window) {
    return shelf.source->find(pattern, window);
  };
  CHECK(limit({.series = 3, .points = 18}, fetch) == "");  // 60 s by 10 s
  CHECK(limit({.series = 2}, fetch) == "series");
  CHECK(limit({.points = 17}, fetch) == "points");
  CHECK(limit({.series = 3}, tagged) == "");
  CHECK(limit({.series = 2}, tagged) == "series");
  CHECK(limit({.series = 2, .points = 17}, sum) == "");
  CHECK(limit({.series = 2}, find) == "");
  graphite::QueryLimits const no_time{.time = Nanoseconds::zero()};
  for (auto const& ended :
       {limit(no_time, fetch), limit(no_time, tagged), limit(no_time, sum), limit(no_time, find)})
    CHECK(ended == "time");
  // What ended before its time is not remembered as all there is.
  CHECK(shelf.find(pattern).size() == 3);
  CHECK(shelf.source->fetch(pattern, {t0, t0 + 60, t0 + 60})->size() == 3);
}

TEST_CASE("a query that gives way holds no lock that others want") {
  Shelf shelf;
  int next = 0;
  auto const add = [&] {
    auto const name = std::to_string(next++);
    shelf.row(container("app-" + name, "1", "x" + name, 0), 10, {{metric::mem_usage, 1}});
  };
  while (next < 1000) add();
  shelf.settle();
  SystemClock const clock;
  int pauses = 0;
  bool free = true;
  // While the query pauses there is one container more, which the index is to learn, and another
  // query.
  auto const pause = [&]() -> Nanoseconds {
    ++pauses;
    add();
    shelf.settle();
    auto other = std::async(std::launch::async, [&] {
      return shelf.source->find("dadvisor.c.instances.*", {}).has_value() &&
             shelf.source->fetch_tagged({"app=app-1"}, {t0, t0 + 10, t0 + 10}).has_value();
    });
    free = free && other.wait_for(10s) == std::future_status::ready;
    return {};
  };
  std::string const pattern = "dadvisor.c.instances.*.*.mem.*";
  auto const asked = [&](auto const& ask) {
    pauses = 0;
    graphite::QueryBudget budget({}, clock, {.abandoned = {}, .pause = pause});
    CHECK(ask(graphite::Window{t0, t0 + 60, t0 + 60, {}, &budget}));
    CHECK(free);
    return pauses;
  };
  CHECK(asked([&](auto const& window) {
          return shelf.source->fetch(pattern, window).has_value();
        }) > 0);
  CHECK(asked([&](auto const& window) {
          auto const matched = shelf.source->match(pattern + "*", window);
          return matched && (*matched)->each([](std::size_t, std::span<double const>) {});
        }) > 0);
  asked([&](auto const& window) { return shelf.source->find(pattern, window).has_value(); });
  asked([&](auto const& window) {
    return shelf.source->fetch_tagged({"name=~mem.*"}, window).has_value();
  });
  asked([&](auto const& window) { return shelf.source->paths(window.budget).has_value(); });
}

TEST_CASE("points are the figures of the wanted entities in (from, until]") {
  Shelf shelf;
  shelf.row(container("/shop/cart", "1", "aa", -1000), 0, {{metric::cpu_usage, 1'000'000'000}});
  shelf.row(container("/shop/cart", "1", "aa", -1000), 10, {{metric::cpu_usage, 3'000'000'000}});
  shelf.row(host, 0, {{metric::load_1m, real_cell(4)}});
  shelf.row(host, 10, {{metric::load_1m, real_cell(5)}});
  shelf.put({EntityKind::total, "c", "", 0}, 10,
            {{rollup_column(metric::mem_usage, RollupPart::sum), 9}});
  shelf.settle();
  using Point = std::tuple<std::string, double, std::int64_t>;
  auto const points = [&](int from, int until, PointSelection const& selection) {
    std::set<Point> found;
    REQUIRE(shelf.source->points(
        from_unix_seconds(t0 + from), from_unix_seconds(t0 + until), selection,
        [&](PointPlace const& place, double value, WallTime tick) {
          CHECK(found.emplace(place.path, value, unix_seconds(tick) - t0).second);
        }));
    return found;
  };
  CHECK(points(0, 10, {}) == std::set<Point>{{"dadvisor.c.hosts.h1.load.1m", 5, 10},
                                             {"dadvisor.c.total.sum.mem.usage", 9, 10}});
  PointSelection instances{false, false, false, true};
  CHECK(points(-1, 10, instances) == std::set<Point>{{cart + "cpu.usage", 1, 0},
                                                     {cart + "cpu.usage", 3, 10},
                                                     {cart + "cpu.cores", 0.2, 10}});
  std::size_t count = 0;
  REQUIRE(shelf.source->points_at(from_unix_seconds(t0 + 10), {},
                                  [&](PointPlace const&, double, WallTime) { ++count; }));
  CHECK(count == 2);
}

TEST_CASE("a path tells whose it is") {
  Shelf shelf;
  shelf.row(container("/shop/cart", "1", "aa", 0), 10, {{metric::mem_usage, 1}});
  shelf.row(host, 10, {{metric::load_1m, real_cell(4)}});
  shelf.settle();
  using LabelMap = std::map<std::string, std::string>;
  LabelMap const mine{{"app", "/shop/cart"}, {"cluster", "c"},  {"host", "h1"},
                      {"instance", "1"},     {"owner", "team"}, {"kind", "instance"}};
  CHECK(shelf.source->labels_of(cart + "mem.usage") == mine);
  CHECK(shelf.source->labels_of("dadvisor.c.instances.shop_cart.1") == mine);
  CHECK(shelf.source->labels_of("dadvisor.c.hosts.h1.load.1m") ==
        LabelMap{{"cluster", "c"}, {"host", "h1"}, {"kind", "host"}});
  CHECK(shelf.source->labels_of("dadvisor.c.instances").empty());
  CHECK(shelf.source->labels_of("").empty());
}

TEST_CASE("a container has ended when its agent goes on without it, not when the agent is silent") {
  Shelf shelf;
  Entity const one = container("/shop/cart", "1", "aa", -1000);
  auto const ended = [&](int second) {
    shelf.settle();
    return shelf.source->ended(cart + "mem.usage", from_unix_seconds(t0 + second));
  };
  CHECK_FALSE(ended(0));  // there is no such path
  for (int i = 0; i <= 2; ++i) {
    shelf.row(host, 10 * i, {{metric::load_1m, real_cell(4)}});
    shelf.row(one, 10 * i, {{metric::mem_usage, 1}});
  }
  CHECK_FALSE(ended(20));
  CHECK_FALSE(ended(60));   // the agent says nothing either
  CHECK_FALSE(ended(600));  // however long
  for (int i = 61; i <= 62; ++i) shelf.row(host, 10 * i, {{metric::load_1m, real_cell(4)}});
  CHECK_FALSE(ended(620));
  shelf.row(host, 630, {{metric::load_1m, real_cell(4)}});
  CHECK(ended(630));
  CHECK_FALSE(ended(620));  // as of then two ticks were without it, which proves nothing
  CHECK_FALSE(shelf.source->ended("dadvisor.c.hosts.h1.load.1m", from_unix_seconds(t0 + 630)));

  SECTION("a later life under the same path lives on") {
    shelf.row(container("/shop/cart", "1", "bb", 625), 630, {{metric::mem_usage, 1}});
    CHECK_FALSE(ended(630));
  }
  SECTION("one that comes back is there again") {
    shelf.row(one, 640, {{metric::mem_usage, 1}});
    shelf.row(host, 640, {{metric::load_1m, real_cell(4)}});
    CHECK_FALSE(ended(640));
    CHECK_FALSE(ended(650));
  }
}

TEST_CASE("rows of another step are laid on the grid of the newest entity") {
  Shelf shelf;
  Entity const old = container("/shop/cart", "1", "aa", -1000);
  Entity const now = container("/shop/cart", "1", "bb", 25);
  for (int i = 0; i <= 20; ++i) shelf.row(old, i, {{metric::mem_usage, 100 + i}}, 1s);
  shelf.row(now, 30, {{metric::mem_usage, 7}});
  CHECK(shelf.values(cart + "mem.usage", -1, 30) == Values{109, 119, 120, 7});
}
