#pragma once
// What a simulated day is made of: containers, a clock that the bench moves, a disk without syncs,
// a directory for it.

#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "aggregator/store/real_disk.hpp"
#include "common/core/clock.hpp"
#include "common/core/metric/metric.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator {

class DayClock final : public Clock {
 public:
  explicit DayClock(WallTime begin) : begin_(begin) {}
  WallTime wall() const override { return begin_ + Nanoseconds(passed_); }
  MonotonicTime monotonic() const override {
    return MonotonicTime(std::chrono::hours(1) + Nanoseconds(passed_));
  }
  void set(WallTime now) { passed_ = (now - begin_).count(); }

 private:
  WallTime const begin_;
  std::atomic<std::int64_t> passed_{0};
};

// The real disk, whose files are never synced; counts what is removed.
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
  Result<void> remove(std::string const& path) override {
    std::lock_guard const lock(mutex_);
    if (path.ends_with(".rows"))
      ++removed_[std::filesystem::path(path).parent_path().filename().string()];
    return disk_.remove(path);
  }
  Result<void> sync_directory(std::string const&) override { return {}; }
  Result<void> sync_file(std::string const&) override { return {}; }
  Result<std::uint64_t> free_bytes(std::string const& directory) override {
    return disk_.free_bytes(directory);
  }
  // Files of rows that were removed from a directory of this name.
  int removed(std::string const& directory) {
    std::lock_guard const lock(mutex_);
    return removed_[directory];
  }

 private:
  struct File final : store::WritableFile {
    explicit File(std::unique_ptr<WritableFile> its_file) : file(std::move(its_file)) {}
    Result<void> append(std::string_view bytes) override { return file->append(bytes); }
    Result<void> sync() override { return {}; }
    Result<void> truncate(std::uint64_t size) override { return file->truncate(size); }
    std::unique_ptr<WritableFile> file;
  };
  store::RealDisk disk_;
  std::mutex mutex_;
  std::map<std::string, int> removed_;
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

// A directory for as long as it is needed.
struct Directory {
  Directory() {
    auto name = (std::filesystem::temp_directory_path() / "day-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace dadvisor::aggregator
