// A day of simulated time: 200 containers on ten hosts at 10 s, through the real store, rollups and
// tiers on a real disk (without its syncs, whose time is the disk's). Prints memory, disk and CPU
// by the hour, what a row costs in each tier, and whether each tier is what raw rows make of it.
//
//   day [CONTAINERS [HOURS]]        exit status 1: a tier differs

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>

#include "aggregator/rollup/engine.hpp"
#include "aggregator/rollup/tier_keeper.hpp"
#include "aggregator/store/real_disk.hpp"
#include "common/core/frame/frame.hpp"

namespace {

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace std::chrono_literals;
using store::Tier;

constexpr Nanoseconds step = 10s;
constexpr int per_host = 20;
WallTime const begin = from_unix_seconds(1'799'971'200);  // midnight

class DayClock final : public Clock {
 public:
  WallTime wall() const override { return begin + Nanoseconds(passed); }
  MonotonicTime monotonic() const override { return MonotonicTime(1h + Nanoseconds(passed)); }
  std::atomic<std::int64_t> passed{0};
};

// The real disk, whose files are never synced.
class UnsyncedDisk final : public store::Disk {
 public:
  Result<void> make_directory(std::string const& path) override {
    return disk_.make_directory(path);
  }
  Result<std::vector<std::string>> list(std::string const& path) override {
    return disk_.list(path);
  }
  Result<std::unique_ptr<store::WritableFile>> create(std::string const& path) override {
    auto file = disk_.create(path);
    if (!file) return file.error();
    return std::unique_ptr<store::WritableFile>(std::make_unique<File>(std::move(*file)));
  }
  Result<std::unique_ptr<store::ReadableFile>> open(std::string const& path) override {
    return disk_.open(path);
  }
  Result<void> rename(std::string const& from, std::string const& to) override {
    return disk_.rename(from, to);
  }
  Result<void> remove(std::string const& path) override { return disk_.remove(path); }
  Result<void> sync_directory(std::string const&) override { return {}; }
  Result<void> sync_file(std::string const&) override { return {}; }

 private:
  struct File final : store::WritableFile {
    explicit File(std::unique_ptr<WritableFile> its_file) : file(std::move(its_file)) {}
    Result<void> append(std::string_view bytes) override { return file->append(bytes); }
    Result<void> sync() override { return {}; }
    Result<void> truncate(std::uint64_t size) override { return file->truncate(size); }
    std::unique_ptr<WritableFile> file;
  };
  store::RealDisk disk_;
};

// A container as performance.md part B makes them: idle, web, busy (throttled) or batch.
struct Container {
  explicit Container(unsigned number) : random(number + 1), kind(random() % 100) {}

  std::vector<Cell> row(Schema const& schema, int tick) {
    bool const idle = kind < 30, batch = kind >= 90;
    bool const on = !batch || (tick / 360) % 2 == 0;
    double const day = 1 + 0.5 * std::sin(tick / 8640.0 * 6.28);
    double const load = idle ? 0.002
                        : on ? (kind < 75 ? 0.2 : 0.9) * day * (0.8 + noise() * 0.4)
                             : 0.001;
    auto const rise = [&](std::size_t i, double mean) {
      values[i] += static_cast<std::int64_t>(mean * (0.9 + 0.2 * noise()));
    };
    values.resize(schema.metrics.size());
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < schema.metrics.size(); ++i) {
      Metric const& metric = *find_metric(schema.metrics[i]);
      std::string_view const leaf = metric.leaf;
      bool const rare = leaf.ends_with("errors") || leaf.ends_with("drops") ||
                        leaf.ends_with("_kills") || leaf.ends_with("failed") ||
                        leaf.ends_with("hits") || leaf.ends_with("restarts") ||
                        leaf.find("pressure") != leaf.npos || leaf.find("major") != leaf.npos;
      if (metric.type == MetricType::real) {
        cells.push_back(real_cell(2));
      } else if (metric.kind == MetricKind::counter) {
        if (leaf.starts_with("cpu.") && metric.scale < 1)
          rise(i, load * 1e10);
        else if (leaf == "cpu.periods")
          values[i] += 100;
        else if (leaf.starts_with("cpu.thr")) {
          if (kind >= 75 && kind < 90) rise(i, 20);
        } else if (!rare && !idle)
          rise(i, load * (leaf.ends_with("bytes") ? 1e6 : 2e3));
        cells.push_back(values[i]);
      } else {
        bool const moves = leaf == "mem.usage" || leaf == "mem.working_set" || leaf == "mem.rss" ||
                           leaf == "mem.cache" || leaf == "pids.current" || leaf == "mem.dirty";
        if (values[i] == 0)
          values[i] = leaf.starts_with("state.")
                          ? 1
                          : 1'000'000 + static_cast<std::int64_t>(random() % 1'000'000'000);
        if (moves && !idle && random() % 3 != 0)
          values[i] = std::max<std::int64_t>(
              1, values[i] + (static_cast<std::int64_t>(random() % 257) - 128) * 4096);
        cells.push_back(values[i]);
      }
    }
    return cells;
  }
  double noise() { return static_cast<double>(random() % 10'000) / 10'000; }

  std::mt19937_64 random;
  std::uint64_t kind;
  std::vector<std::int64_t> values;
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto const seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}
double thread_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}
double rss_mib() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

std::uint64_t bytes_below(std::string const& directory) {
  std::uint64_t sum = 0;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) sum += entry.file_size();
  return sum;
}

class Day {
 public:
  Day(int containers, std::string directory) : directory_(std::move(directory)) {
    for (int i = 0; i < containers; ++i) containers_.emplace_back(i);
    for (Metric const& metric : metrics()) {
      if (metric.on_container && metric.pace != MetricPace::derived &&
          metric.pace != MetricPace::walk)
        container_schema_.metrics.push_back(metric.id);
      if (metric.on_host && metric.pace != MetricPace::derived)
        host_schema_.metrics.push_back(metric.id);
    }
    for (int i = 0; i < hosts(); ++i) host_rows_.emplace_back(1'000'000 + i);
    store::StoreOptions options;
    options.directory = directory_;
    options.sync_spacing = 0s;
    options.raw_waits_for_tiers = true;
    // Short enough that a day shows them.
    options.retention = 6h;
    options.tiers.of(Tier::minute_instances).retention = 12h;
    Log const log("day", LogLevel::warning);
    engine_ = std::make_unique<rollup::RollupEngine>(log);
    auto opened = store::Store::open(options, disk_, clock_, log, engine_.get());
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    store_ = std::move(*opened);
    keeper_ = std::make_unique<rollup::TierKeeper>(*store_, log);
    run([&] { engine_->attach(*store_, clock_.wall()); });
  }

  int hosts() const { return (static_cast<int>(containers_.size()) + per_host - 1) / per_host; }

  void tick(int number) {
    WallTime const at = begin + number * step;
    clock_.passed = (at - begin + 1s).count();
    std::vector<std::shared_ptr<Batch>> batches;
    double const before = cpu_seconds();
    for (int host = 0; host < hosts(); ++host) batches.push_back(batch(host, number, at));
    made_ += cpu_seconds() - before;  // about: the store's threads work meanwhile
    std::atomic<int> left = static_cast<int>(batches.size());
    std::promise<void> done;
    for (auto const& one : batches)
      store_->append(encode_key_frame(*one), one, [&](Result<void> result) {
        if (!result) std::abort();
        if (--left == 0) done.set_value();
      });
    done.get_future().wait();
    run([&] {
      engine_->ready(at);
      engine_->flush(clock_.wall());
    });
    double const tiers = thread_cpu_seconds();
    keeper_->work(clock_.wall(), [] { return false; });
    tiers_ += thread_cpu_seconds() - tiers;
  }

  void report(int hour) {
    auto const counters = store_->counters();
    fmt::print(
        "| {:2} | {:6.1f} | {:6} | {:8.1f} | {:7.1f} | {:7.1f} | {:7.1f} | {:6.1f} | {:6.1f} |\n",
        hour, rss_mib(), counters.head_rows, mib(counters.log_bytes), mib(counters.spill_bytes),
        mib(bytes_below(directory_ + "/tier/1m-instances")),
        mib(bytes_below(directory_ + "/tier/1m") + bytes_below(directory_ + "/tier/10m")),
        cpu_seconds() - made_, tiers_);
    std::fflush(stdout);
  }

  // Whether all windows that raw rows are left of are what they make; prints what rows cost.
  bool check() {
    bool same = true;
    rollup::EntityDirectory const directory(store_->entities());
    for (Tier const tier : store::all_tiers) {
      rollup::HostTicks host_ticks(*store_);
      rollup::TierReader reader(
          *store_, host_ticks, [&](EntityKey const& key) { return directory.host_of(key); },
          [&](EntityKey const& app) { return directory.instances(app); });
      WallTime const until = store_->sealed_until(tier) - Nanoseconds(1);
      WallTime const from = store_->raw_from() + 10min;
      std::size_t windows = 0, checked = 0, figures = 0, differing = 0;
      for (store::EntityInfo const& info : directory.list()) {
        bool const instance = info.entity.key.kind == EntityKind::container;
        if (instance != (tier == Tier::minute_instances)) continue;
        rollup::WindowLayout const layout(info.entity.key.kind, info.columns);
        std::map<WallTime, rollup::WindowRow> kept;
        auto read =
            reader.read(tier, info, layout, begin, until, [&](rollup::WindowRow const& row) {
              ++windows;
              for (auto const& figure : row.figures) figures += figure.count > 0;
              if (row.window >= from) kept.emplace(row.window, row);
            });
        if (!read) return false;
        read = reader.make(tier, info, layout, from, until, [&](rollup::WindowRow const& row) {
          ++checked;
          auto const found = kept.find(row.window);
          differing += found == kept.end() || found->second != row;
        });
        if (!read) return false;
      }
      static constexpr std::array names{"1m-instances", "1m", "10m"};
      auto const name = names[static_cast<std::size_t>(tier)];
      auto const bytes = static_cast<double>(bytes_below(directory_ + "/tier/" + name));
      fmt::print(
          "{}: {} rows, {:.0f} B a row, {:.2f} B a figure (min, max, sum, count, last); "
          "{} made again of raw rows, {} differ\n",
          name, windows, bytes / static_cast<double>(windows), bytes / static_cast<double>(figures),
          checked, differing);
      same = same && differing == 0 && (checked > 0 || tier == Tier::ten_minutes);
    }
    auto const counters = store_->counters();
    auto const spills = static_cast<double>(counters.spill_bytes);
    double const instances = static_cast<double>(containers_.size());
    double const ticks = static_cast<double>((clock_.wall() - store_->raw_from()) / step);
    fmt::print(
        "raw: {:.2f} B a sample, rows of apps, hosts and totals among them\n",
        spills / (instances * ticks * static_cast<double>(container_schema_.metrics.size())));
    fmt::print("tiers cost {:.2f} CPU-seconds per 10,000 instances and hour\n",
               tiers_ / instances * 10'000 / (static_cast<double>(clock_.passed) / 3.6e12));
    return same;
  }

 private:
  static double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }
  void run(std::function<void()> work) {
    std::promise<void> done;
    store_->post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
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
    return made;
  }

  std::string const directory_;
  DayClock clock_;
  UnsyncedDisk disk_;
  std::vector<Container> containers_, host_rows_;
  Schema host_schema_, container_schema_;
  std::unique_ptr<rollup::RollupEngine> engine_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<rollup::TierKeeper> keeper_;
  double made_ = 0, tiers_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  int const containers = argc > 1 ? std::atoi(argv[1]) : 200;
  int const hours = argc > 2 ? std::atoi(argv[2]) : 26;  // the day's ten minutes are sealed then
  auto name = (std::filesystem::temp_directory_path() / "day-XXXXXX").string();
  std::string const directory = ::mkdtemp(name.data());
  bool same = false;
  {
    Day day(containers, directory);
    fmt::print(
        "| hour | RSS MiB | head rows | log MiB | spills MiB | 1m instances MiB | 1m, 10m MiB "
        "| CPU-s all | of it tiers |\n|---|---|---|---|---|---|---|---|---|\n");
    for (int number = 0; number <= hours * 360; ++number) {
      day.tick(number);
      if (number % 360 == 0 && number > 0) day.report(number / 360);
    }
    same = day.check();
  }
  std::filesystem::remove_all(directory);
  return same ? 0 : 1;
}
