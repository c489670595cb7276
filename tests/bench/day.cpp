// A day of simulated time: 200 containers on ten hosts at 10 s, through the real store, rollups and
// tiers on a real disk (without its syncs, whose time is the disk's). One batch in 200 comes late.
// Prints memory, disk and files removed by the hour, what a row costs in each tier, whether each
// tier is what raw rows make of it, and CPU. Behind it 14 hours with retentions of hours, which
// show every tier's files go.
//
//   day [CONTAINERS [HOURS [plain]]]      plain: tiers are not compressed
//
// Exit status 1: a tier differs from raw rows, has a file that is past its retention, or was not
// there to be compared.

#include <fmt/format.h>

#include <cstdlib>
#include <future>

#include "aggregator/rollup/engine.hpp"
#include "aggregator/rollup/order_statistics.hpp"
#include "aggregator/rollup/tier_keeper.hpp"
#include "aggregator/rollup/window_joiner.hpp"
#include "common/core/frame/frame.hpp"
#include "day_world.hpp"
#include "usage.hpp"

namespace {

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace std::chrono_literals;
using rollup::WindowLayout;
using rollup::WindowRow;
using store::Tier;

constexpr Nanoseconds step = 10s;
constexpr int ticks_an_hour = 360;
constexpr int per_host = 20;
constexpr int late_one_in = 200;
constexpr int latest_by = ticks_an_hour * 3 / 2;
WallTime const begin = from_unix_seconds(1'799'971'200);  // midnight

double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// The engine, with the CPU that it costs the store thread.
class TimedEngine final : public store::Observer {
 public:
  explicit TimedEngine(Log log) : engine(std::move(log)) {}
  void applied(Batch const& batch, std::span<store::EntityId const> ids) override {
    timed(seconds, [&] { engine.applied(batch, ids); });
  }
  std::vector<store::DirtyKey> unfinished() const override { return engine.unfinished(); }
  void ready(WallTime tick) {
    timed(seconds, [&] { engine.ready(tick); });
  }
  bool flush(WallTime now) {
    return timed(seconds, [&] { return engine.flush(now); });
  }

  rollup::RollupEngine engine;
  double seconds = 0;
};

class Day {
 public:
  Day(int containers, store::StoreOptions options) : options_(std::move(options)) {
    for (int i = 0; i < containers; ++i) containers_.emplace_back(i);
    for (Metric const& metric : metrics()) {
      if (metric.on_container && metric.pace != MetricPace::derived &&
          metric.pace != MetricPace::walk)
        container_schema_.metrics.push_back(metric.id);
      if (metric.on_host && metric.pace != MetricPace::derived)
        host_schema_.metrics.push_back(metric.id);
    }
    for (int i = 0; i < hosts(); ++i) host_rows_.emplace_back(1'000'000 + i);
    options_.sync_spacing = 0s;
    options_.raw_waits_for_tiers = true;
    Log const log("day", LogLevel::warning);
    engine_ = std::make_unique<TimedEngine>(log);
    auto opened = store::Store::open(options_, disk_, clock_, log, engine_.get());
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    store_ = std::move(*opened);
    keeper_ = std::make_unique<rollup::TierKeeper>(*store_, log);
    run([&] { engine_->engine.attach(*store_, clock_.wall()); });
  }

  void pass(int hours) {
    fmt::print(
        "| hour | RSS MiB | head rows | log MiB | raw MiB | 1m-instances MiB | 1m MiB | 10m MiB "
        "| files removed: raw, 1m-instances, 1m, 10m |\n|---|---|---|---|---|---|---|---|---|\n");
    int const last = hours * ticks_an_hour;
    for (int number = 0; number <= last; ++number) {
      tick(number, number < last - latest_by - ticks_an_hour);
      if (number % ticks_an_hour == 0 && number > 0) report(number / ticks_an_hour);
    }
    settle();
  }

  // Whether all windows that raw rows are left of are what they make; prints what rows cost.
  bool check() {
    fmt::print(
        "\n| tier | rows | B a row | B a figure | made again of raw rows | differ |\n"
        "|---|---|---|---|---|---|\n");
    bool same = true;
    for (Tier const tier : store::all_tiers) same = check(tier) && same;
    return same;
  }

  // Whether nothing is kept longer than it should be, and something went.
  bool check_retention() {
    WallTime const now = clock_.wall();
    bool kept_well = true;
    auto const look = [&](std::string const& directory, Nanoseconds kept) {
      auto const name = std::filesystem::path(directory).filename().string();
      WallTime oldest = now;
      for (auto const& entry :
           std::filesystem::directory_iterator(options_.directory + "/" + directory)) {
        auto const file = entry.path().filename().string();  // FROM-TO-N.rows
        auto const dash = file.find('-');
        if (!file.ends_with(".rows")) continue;
        oldest = std::min(oldest, from_unix_seconds(std::atoll(file.c_str() + dash + 1)));
      }
      bool const well = now - oldest <= kept && disk_.removed(name) > 0;
      kept_well = kept_well && well;
      fmt::print("{}: {} files removed, the oldest one left ends {:.2f} h ago, may be {:.2f} h{}\n",
                 name, disk_.removed(name),
                 std::chrono::duration<double>(now - oldest).count() / 3600,
                 std::chrono::duration<double>(kept).count() / 3600, well ? "" : ": WRONG");
    };
    // A file goes when all of it is past its retention: at a spill, or within two minutes.
    look("spill", options_.retention + 2 * options_.head_span);
    for (Tier const tier : store::all_tiers) {
      auto const& plan = options_.tiers.of(tier);
      look("tier/" + std::string(store::name_of(tier)), plan.retention + plan.period + 2min);
    }
    return kept_well;
  }

  void report_cpu() {
    double const all = cpu_seconds() - made_ - begun_;
    auto const instances = static_cast<double>(containers_.size());
    auto const ticks = static_cast<double>((clock_.wall() - begin) / step);
    auto const samples = static_cast<double>(samples_) / 1e6;
    auto const row = [&](char const* what, double seconds) {
      fmt::print("| {} | {:.1f} | {:.3f} | {:.1f} |\n", what, seconds, seconds / samples,
                 seconds / instances / ticks * 1e4 * 1e3);
    };
    fmt::print(
        "\n{:.1f} M samples; CPU:\n| of | s | s per M samples | ms per 10,000 instances and "
        "tick |\n|---|---|---|---|\n",
        samples);
    row("log, head, spills", all - engine_->seconds - tiers_);
    row("rollups at 10 s", engine_->seconds);
    row("tiers", tiers_);
    row("all", all);
    double const raw_rows =
        instances * static_cast<double>((clock_.wall() - store_->raw_from()) / step);
    fmt::print("raw: {:.2f} B a sample, rows of apps, hosts and totals among them\n",
               static_cast<double>(store_->counters().spill_bytes) / raw_rows /
                   static_cast<double>(container_schema_.metrics.size()));
    auto const counters = keeper_->counters();
    fmt::print("{} late batches, {} periods of entities made again, {} failures\n", late_,
               counters.mended_ranges, counters.failures);
  }

 private:
  int hosts() const { return (static_cast<int>(containers_.size()) + per_host - 1) / per_host; }

  void run(std::function<void()> work) {
    std::promise<void> done;
    store_->post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  void deliver(std::vector<std::shared_ptr<Batch>> const& batches) {
    if (batches.empty()) return;
    std::vector<std::string> frames;
    timed(made_, [&] {
      for (auto const& one : batches) frames.push_back(encode_key_frame(*one));
    });
    std::atomic<int> left = static_cast<int>(batches.size());
    std::promise<void> done;
    for (std::size_t i = 0; i < batches.size(); ++i)
      store_->append(std::move(frames[i]), batches[i], [&](Result<void> result) {
        if (!result) std::abort();
        if (--left == 0) done.set_value();
      });
    done.get_future().wait();
  }

  void work(WallTime at) {
    run([&] {
      engine_->ready(at);
      engine_->flush(clock_.wall());
    });
    timed(tiers_, [&] { keeper_->work(clock_.wall(), [] { return false; }); });
  }

  void tick(int number, bool may_hold_back) {
    WallTime const at = begin + number * step;
    clock_.set(at + 1s);
    std::vector<std::shared_ptr<Batch>> batches;
    timed(made_, [&] {
      for (int host = 0; host < hosts(); ++host) {
        auto made = batch(host, number, at);
        if (may_hold_back && random_() % late_one_in == 0)
          held_back_.emplace(number + 1 + static_cast<int>(random_() % latest_by), std::move(made));
        else
          batches.push_back(std::move(made));
      }
    });
    for (auto due = held_back_.begin(); due != held_back_.end() && due->first <= number;) {
      batches.push_back(std::move(due->second));
      due = held_back_.erase(due);
      ++late_;
    }
    deliver(batches);
    work(at);
  }

  // Until nothing waits any more, however many minutes that takes.
  void settle() {
    for (int minute = 1; minute < 600; ++minute) {
      clock_.set(clock_.wall() + 61s);
      bool waiting = false;
      run([&] {
        waiting = engine_->flush(clock_.wall()) || engine_->engine.counters().dirty_windows > 0;
      });
      keeper_->work(clock_.wall(), [] { return false; });
      for (auto const windows : store_->counters().dirty_windows) waiting = waiting || windows > 0;
      if (!waiting && minute > 5) return;
    }
    throw std::runtime_error("there is always something dirty");
  }

  void report(int hour) {
    auto const counters = store_->counters();
    fmt::print("| {:2} | {:6.1f} | {:6} | {:6.1f} | {:6.1f} |", hour, rss_mib(), counters.head_rows,
               mib(counters.log_bytes), mib(counters.spill_bytes));
    for (auto const bytes : counters.tier_bytes) fmt::print(" {:6.1f} |", mib(bytes));
    fmt::print(" {}", disk_.removed("spill"));
    for (Tier const tier : store::all_tiers)
      fmt::print(", {}", disk_.removed(std::string(store::name_of(tier))));
    fmt::print(" |\n");
    std::fflush(stdout);
  }

  // The windows of an entity out of raw rows alone, whatever is in files.
  Result<void> make_of_raw(Tier tier, rollup::TierReader& reader,
                           rollup::EntityDirectory const& directory, store::EntityInfo const& info,
                           WindowLayout const& layout, WallTime from, WallTime until,
                           rollup::WindowVisitor const& visit) {
    if (tier != Tier::ten_minutes) return reader.make(tier, info, layout, from, until, visit);
    Nanoseconds const window = options_.tiers.of(tier).window;
    auto const ordered = rollup::ordered_metrics(layout);
    rollup::OrderStatistics order(layout, ordered, window, WallTime::max(),
                                  rollup::OrderStatistics::Spare::windows, SIZE_MAX);
    if (rollup::is_rolled_up(layout.kind()))
      for (store::EntityInfo const& instance : directory.instances(info.entity.key)) {
        WindowLayout const its(EntityKind::container, order.columns_of(instance.columns));
        order.begin(its);
        auto const made = reader.make(Tier::minute_instances, instance, its, from, until,
                                      [&](WindowRow const& row) { order.take(row); });
        if (!made) return made;
        order.end();
      }
    rollup::WindowJoiner joiner(layout, window);
    auto const joined = [&](WindowRow row) {
      order.fill(row);
      visit(row);
    };
    auto const made = reader.make(Tier::minute, info, layout, from, until,
                                  [&](WindowRow const& row) { joiner.take(row, joined); });
    if (made) joiner.finish(joined);
    return made;
  }

  bool check(Tier tier) {
    auto const entities = rollup::entities_between(*store_, WallTime::min(), WallTime::max());
    if (!entities) return false;
    rollup::EntityDirectory const directory(*entities);
    rollup::HostTicks host_ticks(*store_);
    rollup::TierReader reader(
        *store_, host_ticks, [&](EntityKey const& key) { return directory.host_of(key); },
        [&](EntityKey const& app, WallTime, WallTime,
            rollup::InstanceVisitor const& visit) -> Result<void> {
          for (store::EntityInfo const& info : directory.instances(app))
            if (auto done = visit(info); !done) return done;
          return {};
        });
    Nanoseconds const window = options_.tiers.of(tier).window;
    WallTime const until = store_->sealed_until(tier) - Nanoseconds(1);
    WallTime const from = tick_of(store_->raw_from() + 10min + window, window);
    std::size_t windows = 0, checked = 0, figures = 0, differing = 0;
    for (store::EntityInfo const& info : directory.list()) {
      bool const instance = info.entity.key.kind == EntityKind::container;
      if (instance != (tier == Tier::minute_instances)) continue;
      WindowLayout const layout(info.entity.key.kind, info.columns);
      std::map<WallTime, WindowRow> kept;
      auto read = reader.read(tier, info, layout, begin, until, [&](WindowRow const& row) {
        ++windows;
        for (auto const& figure : row.figures) figures += figure.count > 0;
        if (row.window >= from) kept.emplace(row.window, row);
      });
      if (!read) return false;
      read = make_of_raw(tier, reader, directory, info, layout, from, until,
                         [&](WindowRow const& row) {
                           ++checked;
                           auto const found = kept.find(row.window);
                           differing += found == kept.end() || found->second != row;
                           if (found != kept.end()) kept.erase(found);
                         });
      if (!read) return false;
      differing += kept.size();
    }
    auto const bytes =
        static_cast<double>(store_->counters().tier_bytes[static_cast<std::size_t>(tier)]);
    auto const per = [bytes](std::size_t count, int digits) {
      return count == 0 ? "-" : fmt::format("{:.{}f}", bytes / static_cast<double>(count), digits);
    };
    fmt::print("| {} | {} | {} | {} | {} | {} |\n", store::name_of(tier), windows, per(windows, 0),
               per(figures, 2), checked, differing);
    return differing == 0 && checked > 0;
  }

  std::shared_ptr<Batch> batch(int host, int number, WallTime at) {
    auto made = std::make_shared<Batch>();
    auto const name = "host" + std::to_string(host);
    made->stream = {name, 1};
    made->sequence = static_cast<std::uint64_t>(number) + 1;
    made->tick = at;
    made->step = step;
    made->schemas = {host_schema_, container_schema_};
    made->entities.push_back({0, {{EntityKind::host, name, "", 0}, {{"cluster", "c"}}}});
    made->rows.push_back(
        {0, 0, host_rows_[static_cast<std::size_t>(host)].row(host_schema_, number)});
    std::int64_t const start = (begin - 1h).time_since_epoch().count();
    for (int i = 0; i < per_host; ++i) {
      auto const at_place = static_cast<std::size_t>(host * per_host + i);
      if (at_place >= containers_.size()) break;
      auto const slot = static_cast<std::uint32_t>(i + 1);
      made->entities.push_back({slot,
                                {{EntityKind::container, name, "c" + std::to_string(i), start},
                                 {{"app", "app" + std::to_string(at_place % 20)},
                                  {"cluster", "c"},
                                  {"instance", std::to_string(at_place)}}}});
      made->rows.push_back({slot, 1, containers_[at_place].row(container_schema_, number)});
    }
    for (Row const& row : made->rows) samples_ += row.cells.size();
    return made;
  }

  store::StoreOptions options_;
  DayClock clock_{begin};
  UnsyncedDisk disk_;
  std::vector<Container> containers_, host_rows_;
  Schema host_schema_, container_schema_;
  std::mt19937_64 random_{7};
  std::multimap<int, std::shared_ptr<Batch>> held_back_;  // by the tick at which they come
  std::unique_ptr<TimedEngine> engine_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<rollup::TierKeeper> keeper_;
  double const begun_ = cpu_seconds();
  double made_ = 0, tiers_ = 0;
  std::size_t samples_ = 0;
  int late_ = 0;
};

bool whole_day(int containers, int hours, bool compress) {
  Directory const directory;
  store::StoreOptions options;
  options.directory = directory.path;
  // Short enough that a day shows them.
  options.retention = 6h;
  options.compress_tiers = compress;
  options.tiers.of(Tier::minute_instances).retention = 12h;
  Day day(containers, options);
  fmt::print("{} containers, {} hours; kept for 6 h, 12 h, 30 d, 730 d:\n", containers, hours);
  day.pass(hours);
  bool const same = day.check();
  day.report_cpu();
  return same;
}

bool short_retentions() {
  constexpr int containers = 20, hours = 14;
  Directory const directory;
  store::StoreOptions options;
  options.directory = directory.path;
  options.retention = 2h;
  options.tiers.plans = {store::TierPlan{1min, 30min, 3h}, store::TierPlan{1min, 30min, 4h},
                         store::TierPlan{10min, 1h, 6h}};
  Day day(containers, options);
  fmt::print("\n{} containers, {} hours; kept for 2 h, 3 h, 4 h, 6 h:\n", containers, hours);
  day.pass(hours);
  bool const same = day.check();
  return day.check_retention() && same;
}

}  // namespace

int main(int argc, char** argv) {
  int const containers = argc > 1 ? std::atoi(argv[1]) : 200;
  int const hours = argc > 2 ? std::atoi(argv[2]) : 26;  // the day's ten minutes are sealed then
  bool const same = whole_day(containers, hours, argc <= 3 || argv[3] != std::string_view("plain"));
  return short_retentions() && same ? 0 : 1;
}
