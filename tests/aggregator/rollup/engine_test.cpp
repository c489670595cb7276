#include "aggregator/rollup/engine.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <future>
#include <random>

#include "aggregator/store/real_disk.hpp"
#include "common/core/frame/frame.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::rollup;
using namespace std::chrono_literals;

namespace {

constexpr Nanoseconds step = 10s;
constexpr std::int64_t first_tick = 1'800'000'000;
WallTime tick_at(int number) { return from_unix_seconds(first_tick + 10 * number); }

class TestClock final : public Clock {
 public:
  WallTime wall() const override { return tick_at(0); }
  MonotonicTime monotonic() const override { return MonotonicTime{1h}; }
};

// An instance as the test knows it: lives from one tick number to another.
struct Life {
  std::string host, app, id;
  int from = 0, until = 0;
  std::int64_t start_ns = 0;
  std::int64_t cpu_per_tick = 0;  // ns
  double limit = 0;               // none when 0
  std::int64_t memory = 0;

  bool at(int number) const { return from <= number && number <= until; }
  std::int64_t usage(int number) const { return cpu_per_tick * (number - from + 1); }
};

struct Delivery {
  std::string host;
  int number = 0;
};

Schema const host_schema{{metric::cpu_usage}};
Schema const container_schema{
    {metric::cpu_usage, metric::cpu_limit, metric::mem_usage, metric::state_up}};

class World {
 public:
  explicit World(RollupOptions options = {}) : options_(options), directory_(make_directory()) {
    open();
  }
  ~World() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  World(World const&) = delete;

  std::vector<Life> lives;

  void deliver(Delivery const& what) {
    auto batch = std::make_shared<Batch>();
    batch->stream = {what.host, 1};
    batch->sequence = ++sequence_;
    batch->tick = tick_at(what.number);
    batch->step = step;
    batch->schemas = {host_schema, container_schema};
    std::uint32_t slot = 0;
    batch->entities.push_back({slot, {{EntityKind::host, what.host, "", 0}, {{"cluster", "c"}}}});
    batch->rows.push_back({slot, 0, {Cell{1'000 * what.number}}});
    for (Life const& life : lives) {
      if (life.host != what.host) continue;
      ++slot;
      if (!life.at(what.number)) continue;
      batch->entities.push_back(
          {slot,
           {{EntityKind::container, life.host, life.id, life.start_ns},
            {{"app", life.app}, {"cluster", "c"}, {"owner", "team-" + life.app}}}});
      Cell const limit = life.limit > 0 ? Cell{real_cell(life.limit)} : Cell{};
      batch->rows.push_back(
          {slot, 1, {Cell{life.usage(what.number)}, limit, Cell{life.memory}, Cell{1}}});
    }
    std::promise<void> done;
    store_->append(encode_key_frame(*batch), batch, [&](Result<void> result) {
      if (result) done.set_value();
    });
    REQUIRE(done.get_future().wait_for(10s) == std::future_status::ready);
  }

  // Runs on the store thread, after all that was delivered.
  void run(std::function<void(RollupEngine&)> work) {
    std::promise<void> done;
    store_->post([&] {
      work(*engine_);
      done.set_value();
    });
    done.get_future().wait();
  }
  void flush(WallTime now) {
    run([&](RollupEngine& engine) { engine.flush(now); });
  }
  void settle(WallTime now) {
    for (int i = 0; i < 100; ++i) {
      bool more = false;
      now += 61s;
      run([&](RollupEngine& engine) { more = engine.flush(now); });
      if (!more && i > 3) return;
    }
    FAIL("flush() never ends");
  }
  void restart(WallTime now) {
    store_.reset();
    open();
    run([&](RollupEngine& engine) { engine.attach(*store_, now); });
  }
  void attach(WallTime now) {
    run([&](RollupEngine& engine) { engine.attach(*store_, now); });
  }

  std::map<int, RollupRow> rows(EntityKind kind, std::string const& name) {
    std::map<int, RollupRow> found;
    auto const entities = store_->entities();
    for (store::EntityInfo const& info : *entities) {
      if (info.entity.key.kind != kind || info.entity.key.container_id != name) continue;
      labels = info.entity.labels;
      auto const columns = rollup_columns();
      auto const scanned = store_->scan(
          info.id, columns, tick_at(-1000), tick_at(1000),
          [&](WallTime tick, std::span<Cell const> cells) {
            int const number = static_cast<int>((unix_seconds(tick) - first_tick) / 10);
            RollupRow& row = found[number];
            row.window = info.step;
            for (std::size_t i = 0; i < columns.size(); ++i)
              if (cells[i]) {
                row.columns.push_back(columns[i]);
                row.values.push_back(cell_real(*cells[i]));
              }
          });
      REQUIRE(scanned);
    }
    return found;
  }
  Labels labels;  // of the entity that rows() read last
  RollupCounters counters() const { return engine_->counters(); }

 private:
  static std::string make_directory() {
    static std::atomic<int> number{0};
    auto const made =
        std::filesystem::temp_directory_path() /
        ("dadvisor-rollup-" + std::to_string(::getpid()) + "-" + std::to_string(++number));
    std::filesystem::create_directories(made);
    return made;
  }
  void open() {
    engine_ = std::make_unique<RollupEngine>(Log("test", LogLevel::error), options_);
    store::StoreOptions options;
    options.directory = directory_;
    options.sync_spacing = 0s;
    auto opened =
        store::Store::open(options, disk_, clock_, Log("test", LogLevel::error), engine_.get());
    REQUIRE(opened);
    store_ = std::move(*opened);
    while (!store_->replayed()) std::this_thread::yield();
  }

  RollupOptions const options_;
  std::string directory_;
  store::RealDisk disk_;
  TestClock clock_;
  std::unique_ptr<RollupEngine> engine_;
  std::unique_ptr<store::Store> store_;
  std::uint64_t sequence_ = 0;
};

double value(RollupRow const& row, MetricId metric, RollupPart part) {
  return row.value(rollup_column(metric, part)).value_or(-1);
}
double sum(RollupRow const& row, MetricId metric) { return value(row, metric, RollupPart::sum); }
double expected(RollupRow const& row) {
  return value(row, metric::state_expected, RollupPart::all);
}

Life life(std::string host, std::string app, std::string id, int from, int until) {
  Life made{std::move(host), std::move(app), std::move(id), from, until, 0, 0, 0, 0};
  // Seen for the first time 4 s after it began.
  made.start_ns = (first_tick + 10 * from - 4) * 1'000'000'000;
  return made;
}

// What the rows of one app must be, made of the lives and of what was delivered by the rules of
// the design and by nothing of the engine.
struct Truth {
  double cpu = 0, memory = 0, least = 0, top = 0, bottom = 0;
  int count = 0, rated = 0, expected = 0;
  std::vector<double> increases, percentages;  // the instances' own
};

// By nearest rank: the least of the values that so many of them are not above.
double ranked(std::vector<double> values, double fraction) {
  std::ranges::sort(values);
  double const rank = std::ceil(fraction * static_cast<double>(values.size()));
  return values.at(static_cast<std::size_t>(rank) - 1);
}

std::map<int, Truth> truth_of(std::vector<Life> const& lives, std::string const& app,
                              std::set<std::pair<std::string, int>> const& delivered, int last) {
  std::map<int, Truth> all;
  for (int number = 0; number <= last; ++number) {
    Truth truth;
    for (Life const& one : lives) {
      if (one.app != app && !app.empty()) continue;
      int before = number - 1;  // the host's last tick before this one
      while (before >= -10 && !delivered.contains({one.host, before})) --before;
      if (!delivered.contains({one.host, number})) {
        if (number - before <= 3 && one.at(before)) ++truth.expected;
        continue;
      }
      if (!one.at(number)) continue;
      ++truth.expected;
      double const memory = static_cast<double>(one.memory);
      truth.least = truth.count == 0 ? memory : std::min(truth.least, memory);
      ++truth.count;
      truth.memory += memory;
      // Rate: mean over the time since the last reading, or since its start if that was watched.
      double rate = -1;
      if (one.at(before) && number - before <= 3)
        rate = static_cast<double>(one.cpu_per_tick) / 10;
      else if (one.from > (before < 0 ? number - 1 : before) && number - one.from + 1 <= 3)
        rate = static_cast<double>(one.usage(number)) / (10 * (number - one.from + 1));
      if (rate < 0) continue;
      ++truth.rated;
      truth.cpu += rate * 10;
      truth.increases.push_back(rate * 10);
      if (one.limit > 0) {
        truth.top += rate / 1e9;
        truth.bottom += one.limit;
        truth.percentages.push_back(100 * rate / 1e9 / one.limit);
      }
    }
    if (truth.count > 0 || truth.expected > 0) all[number] = truth;
  }
  return all;
}

void check_order(RollupRow const& row, MetricId metric, std::vector<double> const& values) {
  for (auto const& [part, fraction] :
       {std::pair{RollupPart::p50, 0.5}, {RollupPart::p95, 0.95}, {RollupPart::p99, 0.99}}) {
    auto const found = row.value(rollup_column(metric, part));
    REQUIRE(found.has_value() == !values.empty());
    if (found) CHECK(*found == Approx(ranked(values, fraction)));
  }
}

void check(std::map<int, RollupRow> const& rows, std::map<int, Truth> const& truths) {
  std::vector<int> have, want;
  for (auto const& [number, row] : rows)
    if (truths.contains(number) || expected(row) != 0 || row.columns.size() != 1)
      have.push_back(number);  // one that says that there is nothing is as good as none
  for (auto const& [number, truth] : truths) want.push_back(number);
  CHECK(have == want);
  for (auto const& [number, truth] : truths) {
    auto const found = rows.find(number);
    if (found == rows.end()) continue;
    RollupRow const& row = found->second;
    INFO("tick " << number);
    CHECK(expected(row) == truth.expected);
    check_order(row, metric::cpu_usage, truth.increases);
    check_order(row, metric::cpu_pct_limit, truth.percentages);
    if (truth.count > 0) {
      CHECK(sum(row, metric::mem_usage) == truth.memory);
      CHECK(value(row, metric::mem_usage, RollupPart::min) == truth.least);
      CHECK(value(row, metric::state_up, RollupPart::count) == truth.count);
    } else {
      CHECK(sum(row, metric::mem_usage) == -1);
    }
    if (truth.rated > 0) {
      CHECK(sum(row, metric::cpu_usage) == Approx(truth.cpu));
      CHECK(value(row, metric::cpu_usage, RollupPart::count) == truth.rated);
    } else {
      CHECK(sum(row, metric::cpu_usage) == -1);
    }
    if (truth.bottom > 0) {
      CHECK(value(row, metric::cpu_pct_limit, RollupPart::numerator) == Approx(truth.top));
      CHECK(value(row, metric::cpu_pct_limit, RollupPart::denominator) == Approx(truth.bottom));
    }
  }
}

}  // namespace

TEST_CASE("ticks in order become rows of the app and of the cluster, from memory") {
  World world;
  world.lives = {life("a", "/shop", "1", 0, 99), life("b", "/shop", "2", 0, 99),
                 life("b", "cron", "3", 0, 99)};
  world.lives[0].cpu_per_tick = 5'000'000'000;  // half a core
  world.lives[0].limit = 0.5;
  world.lives[1].cpu_per_tick = 1'000'000'000;
  world.lives[1].limit = 2;
  world.lives[2].cpu_per_tick = 3'000'000'000;
  for (Life& one : world.lives) one.memory = 100;
  world.attach(tick_at(-100));
  for (int number = 0; number < 10; ++number) {
    world.deliver({"a", number});
    world.deliver({"b", number});
    world.flush(tick_at(number) + 2s);
  }
  CHECK(world.counters().recomputed_rows == 0);
  auto const shop = world.rows(EntityKind::app, "/shop");
  CHECK(world.labels == Labels{{"app", "/shop"}, {"cluster", "c"}, {"owner", "team-/shop"}});
  REQUIRE(shop.size() == 10);
  CHECK(shop.at(5).window == step);
  CHECK(sum(shop.at(5), metric::cpu_usage) == Approx(6e9));
  CHECK(sum(shop.at(0), metric::cpu_usage) == Approx(6e9));  // both began since the tick before
  CHECK(value(shop.at(5), metric::cpu_pct_limit, RollupPart::numerator) == Approx(0.6));
  CHECK(value(shop.at(5), metric::cpu_pct_limit, RollupPart::denominator) == Approx(2.5));
  CHECK(expected(shop.at(5)) == 2);
  auto const total = world.rows(EntityKind::total, "");
  REQUIRE(total.size() == 10);
  CHECK(sum(total.at(5), metric::cpu_usage) == Approx(9e9));
  CHECK(sum(total.at(5), metric::mem_usage) == 300);
  CHECK(value(total.at(5), metric::mem_usage, RollupPart::count) == 3);
  CHECK(expected(total.at(5)) == 3);
}

TEST_CASE("an app's tick is rolled up once all its hosts brought it, or two seconds after it") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "shop", "2", 0, 99),
                 life("b", "cron", "3", 0, 99)};
  for (Life& one : world.lives) one.memory = 100;
  world.attach(tick_at(-100));
  auto const instances = [&](std::string const& app, int number) -> double {
    auto const rows = world.rows(EntityKind::app, app);
    auto const row = rows.find(number);
    return row == rows.end() ? 0 : value(row->second, metric::mem_usage, RollupPart::count);
  };
  auto const in_the_test = [&](std::uint64_t merged) {
    return world.counters().merged_rows == merged && world.counters().recomputed_rows == 0;
  };
  world.deliver({"a", 0});
  world.deliver({"b", 0});
  world.flush(tick_at(0));
  CHECK(instances("shop", 0) == 2);
  CHECK(in_the_test(2));
  world.deliver({"b", 1});
  world.flush(tick_at(1) + 1999ms);
  CHECK(instances("shop", 1) == 0);  // a may bring it yet
  CHECK(instances("cron", 1) == 1);
  CHECK(in_the_test(3));
  world.flush(tick_at(1) + 2s);
  CHECK(instances("shop", 1) == 1);
  CHECK(in_the_test(4));
  world.deliver({"a", 1});  // all of them now: at once
  world.flush(tick_at(1) + 3s);
  CHECK(instances("shop", 1) == 2);
  CHECK(world.rows(EntityKind::total, "").size() == 2);
  CHECK(in_the_test(5));
  world.deliver({"a", 2});
  world.run([](RollupEngine& engine) { engine.ready(tick_at(2)); });
  world.flush(tick_at(2) + 1s);  // ready: whoever is missing
  CHECK(instances("shop", 2) == 1);
}

TEST_CASE("stragglers of a tick are merged every five seconds") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "shop", "2", 0, 99),
                 life("c", "shop", "3", 0, 99)};
  world.attach(tick_at(-100));
  for (char const* const host : {"a", "b", "c"}) world.deliver({host, 0});
  world.flush(tick_at(0) + 2s);
  world.deliver({"a", 1});
  world.flush(tick_at(1) + 2s);
  CHECK(world.counters().merged_rows == 2);
  world.deliver({"b", 1});
  world.flush(tick_at(1) + 3s);
  world.flush(tick_at(1) + 6999ms);
  CHECK(world.counters().merged_rows == 2);  // c may come yet
  world.flush(tick_at(1) + 7s);
  CHECK(world.counters().merged_rows == 3);
  CHECK(world.counters().recomputed_rows == 0);
}

TEST_CASE("a batch that comes twice changes nothing") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99)};
  world.lives[0].cpu_per_tick = 1'000'000'000;
  world.attach(tick_at(-100));
  for (int number = 0; number < 4; ++number) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto const before = world.rows(EntityKind::app, "shop");
  world.deliver({"a", 2});
  world.deliver({"a", 3});
  world.flush(tick_at(4));
  CHECK(world.rows(EntityKind::app, "shop") == before);
  CHECK(world.counters().late_batches == 0);
}

TEST_CASE("a late tick corrects its own sum and the rates after it") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "shop", "2", 0, 99)};
  world.lives[0].cpu_per_tick = 2'000'000'000;
  world.lives[1].cpu_per_tick = 4'000'000'000;
  world.lives[1].memory = 50;
  world.attach(tick_at(-100));
  for (int number = 0; number < 8; ++number) {
    world.deliver({"a", number});
    if (number != 3) world.deliver({"b", number});
    world.run([&](RollupEngine& engine) { engine.ready(tick_at(number)); });
    world.flush(tick_at(number) + 2s);
  }
  auto rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(3), metric::cpu_usage) == Approx(2e9));
  CHECK(expected(rows.at(3)) == 2);  // the dip is flagged
  CHECK(sum(rows.at(4), metric::cpu_usage) == Approx(6e9));
  Delivery const late{"b", 3};
  SECTION("while the tick is open") {
    world.deliver(late);
    world.flush(tick_at(8));
  }
  SECTION("when it has closed, a minute later, with what comes meanwhile") {
    WallTime const now = tick_at(3) + 130s;
    world.flush(now);
    world.deliver(late);
    world.flush(now + 1s);
    world.flush(now + 60s);
    CHECK(world.rows(EntityKind::app, "shop") == rows);
    auto const before = world.counters().recomputed_rows;
    world.flush(now + 61s);
    CHECK(world.counters().recomputed_rows > before);
    CHECK(world.counters().dirty_windows == 0);
  }
  rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(3), metric::cpu_usage) == Approx(6e9));
  CHECK(sum(rows.at(3), metric::mem_usage) == 50);
  CHECK(sum(rows.at(4), metric::cpu_usage) == Approx(6e9));
  auto const total = world.rows(EntityKind::total, "");
  CHECK(sum(total.at(3), metric::cpu_usage) == Approx(6e9));
  CHECK(world.counters().late_batches == 1);
}

TEST_CASE("a host's late tick without containers takes back what counted from 0") {
  World world;
  // Began after tick 3, was found at tick 6: with no tick between, all of its count is since then.
  Life found_late = life("a", "shop", "1", 6, 99);
  found_late.start_ns = (first_tick + 10 * 3 + 2) * 1'000'000'000;
  found_late.cpu_per_tick = 3'000'000'000;
  world.lives = {found_late};
  world.attach(tick_at(-100));
  for (int const number : {0, 1, 2, 3, 6, 7, 8}) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(6), metric::cpu_usage) == Approx(1e9));  // 3 s of CPU in 30 s
  CHECK(sum(rows.at(7), metric::cpu_usage) == Approx(3e9));
  WallTime now = tick_at(8) + 2s;
  SECTION("while the tick is open") {}
  SECTION("when it has closed") {
    now += 200s;
    world.flush(now);
  }
  // The agent watched at tick 5, 18 s after its begin, longer than a name takes, and did not see
  // it: whoever counted before 6 is not known.
  world.deliver({"a", 5});
  world.settle(now);
  rows = world.rows(EntityKind::app, "shop");
  CHECK(sum(rows.at(6), metric::cpu_usage) == -1);
  CHECK(sum(rows.at(7), metric::cpu_usage) == Approx(3e9));
}

TEST_CASE("an app whose only host is silent keeps a row that says what is missing") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99), life("b", "cron", "2", 0, 99)};
  world.attach(tick_at(-100));
  for (int number = 0; number < 8; ++number) {
    world.deliver({"b", number});
    if (number < 3) world.deliver({"a", number});
    world.run([&](RollupEngine& engine) { engine.ready(tick_at(number)); });
    world.flush(tick_at(number) + 2s);
  }
  auto const rows = world.rows(EntityKind::app, "shop");
  REQUIRE(rows.size() == 6);
  CHECK(expected(rows.at(5)) == 1);
  CHECK(sum(rows.at(5), metric::mem_usage) == -1);
  CHECK(expected(world.rows(EntityKind::total, "").at(5)) == 2);
  CHECK(expected(world.rows(EntityKind::total, "").at(6)) == 1);
}

TEST_CASE("after a restart the rows are made again from the log") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99)};
  world.lives[0].cpu_per_tick = 2'000'000'000;
  world.attach(tick_at(-100));
  for (int number = 0; number < 6; ++number) world.deliver({"a", number});
  world.restart(tick_at(6));
  CHECK(world.rows(EntityKind::app, "shop").empty());
  world.flush(tick_at(6));
  for (int number = 6; number < 20; ++number) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto const rows = world.rows(EntityKind::app, "shop");
  REQUIRE(rows.size() == 20);
  for (auto const& [number, row] : rows) CHECK(sum(row, metric::cpu_usage) == Approx(2e9));
  CHECK(world.counters().merged_rows > 5);  // back to memory
}

TEST_CASE("a restart makes the rows of closed ticks at once too") {
  World world;
  world.lives = {life("a", "shop", "1", 0, 99)};
  world.attach(tick_at(-100));
  for (int number = 0; number < 30; ++number) {
    world.deliver({"a", number});
    world.flush(tick_at(number) + 2s);
  }
  auto const apps = world.rows(EntityKind::app, "shop");
  auto const totals = world.rows(EntityKind::total, "");
  REQUIRE(apps.size() == 30);
  REQUIRE(totals.size() == 30);
  world.restart(tick_at(30));  // ticks up to 18 are closed then
  world.run([&](RollupEngine& engine) {
    while (engine.flush(tick_at(30))) continue;  // as main does: at once again while there is more
  });
  CHECK(world.rows(EntityKind::app, "shop") == apps);
  CHECK(world.rows(EntityKind::total, "") == totals);
}

TEST_CASE("whatever the order, the repetition and the restarts, the rows are those of the rows") {
  unsigned const seed = GENERATE(range(1u, 25u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  auto const pick = [&](int most) {
    return static_cast<int>(random() % static_cast<unsigned>(most));
  };
  RollupOptions options;
  if (seed % 2 == 0) options.rows_per_flush = 1;  // an app a flush, and late rows come in between
  World world(options);
  constexpr int last = 30;
  std::vector<std::string> const hosts{"a", "b", "c"}, apps{"/shop/cart", "web", "cron"};
  for (int i = 0; i < 14; ++i) {
    int const from = pick(3) == 0 ? pick(last) : 0;
    Life one =
        life(hosts[static_cast<std::size_t>(pick(3))], apps[static_cast<std::size_t>(pick(3))],
             std::to_string(i), from, pick(3) == 0 ? from + pick(last) : last);
    one.cpu_per_tick = std::int64_t{1'000'000} * (1 + pick(5'000));
    one.memory = 1'000 + pick(1'000);
    one.limit = pick(2) ? 0.5 * (1 + pick(4)) : 0;
    world.lives.push_back(one);
  }
  std::vector<Delivery> deliveries;
  std::set<std::pair<std::string, int>> delivered;
  for (int number = 0; number <= last; ++number)
    for (std::string const& host : hosts) {
      if (pick(8) == 0 && number != last) continue;  // never comes
      delivered.insert({host, number});
      deliveries.push_back({host, number});
    }
  // Swapped over a few places, or far; some sent twice.
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    std::size_t const other = i + random() % (pick(10) == 0 ? 60 : 5);
    if (pick(3) == 0 && other < deliveries.size()) std::swap(deliveries[i], deliveries[other]);
  }
  for (int i = 0; i < 10; ++i) {
    auto const again = deliveries[random() % deliveries.size()];
    deliveries.insert(deliveries.begin() + pick(static_cast<int>(deliveries.size())), again);
  }

  WallTime now = tick_at(0);
  world.attach(tick_at(-100));
  int newest = -1;
  for (Delivery const& delivery : deliveries) {
    world.deliver(delivery);
    now = std::max(now, tick_at(delivery.number) + 1s);
    if (pick(2)) world.flush(now);
    if (pick(20) == 0) {
      now += 100s;  // ticks close, and late ones are mended
      world.flush(now);
    }
    if (pick(40) == 0) world.restart(now);
    for (; newest < delivery.number; ++newest)
      world.run([&](RollupEngine& engine) { engine.ready(tick_at(newest + 1)); });
  }
  world.settle(now);
  for (std::string const& app : apps) {
    INFO(app);
    check(world.rows(EntityKind::app, app), truth_of(world.lives, app, delivered, last));
  }
  check(world.rows(EntityKind::total, ""), truth_of(world.lives, "", delivered, last));
}
