#pragma once
// The one workload of the benchmarks: hosts with containers whose figures behave like those of real
// ones, the same for the same seed, on any machine.
//
// A host has 20 containers. By app, 30 % idle, 45 % serve the web (load follows the day), 15 % are
// busy and throttled, 10 % work in batches of half an hour. A container has 40 integer figures, a
// host all that an agent sends of it but pressure. Times of CPU are exact in usage and come in
// ticks of 10 ms in user and system, memory in pages of 4 KiB, as the kernel's cgroup v1 files have
// them. About four columns in ten never change within two hours. Ticks are aligned.
//
// Not thread-safe; different hosts may be stepped on different threads.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/core/row.hpp"

namespace dadvisor::bench {

struct WorkloadOptions {
  unsigned hosts = 50;
  unsigned containers = 20;  // of each host
  std::uint64_t seed = 1;
  double churn = 0;  // share of the containers that end and are replaced per hour
  Nanoseconds step = std::chrono::seconds(10);
  WallTime begin{};  // the first tick
};

// So many that an app has 20 instances, at least 20 for the mix to be right.
unsigned apps_of(WorkloadOptions const& options);
// "app-00012": fixed width, so that a glob can tell a thousand instances' apps.
std::string app_name(unsigned number);
std::string host_name(unsigned number);

std::vector<MetricId> const& container_metrics();
std::vector<MetricId> const& host_metrics();

// A figure that a container or a host has, stepped from tick to tick.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();                                                  // splitmix64
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // [0, 1)
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(bound));
  }
  bool chance(double p) { return unit() < p; }
  double around(double mean, double spread) { return mean * (1 + spread * (2 * unit() - 1)); }

 private:
  std::uint64_t state_;
};

enum class LoadClass : std::uint8_t { idle, web, busy, batch };
LoadClass load_class(unsigned app);

// One life of one container.
class ContainerModel {
 public:
  ContainerModel(LoadClass kind, std::uint64_t seed, std::int64_t age_seconds);
  // The figures of the next tick, in the order of container_metrics(). `time`: seconds of the day.
  void step(double seconds, std::int64_t time, std::vector<Cell>& cells);

 private:
  double load(std::int64_t time);

  Dice dice_;
  LoadClass kind_;
  std::int64_t phase_;  // of a batch, seconds
  double base_;         // cores
  bool limited_;
  double age_;
  double usage_, user_share_;  // ns
  std::int64_t periods_, throttled_, throttled_time_;
  std::int64_t rss_, cache_, kernel_, inactive_, mapped_, shmem_, dirty_, peak_, limit_;
  std::int64_t charged_;  // usage beyond what the parts say: charges come in batches per CPU
  std::int64_t hits_, faults_, major_;
  std::int64_t read_bytes_, write_bytes_, reads_, writes_;
  std::int64_t rx_bytes_, tx_bytes_, rx_packets_, tx_packets_, drops_;
  std::int64_t pids_, processes_, fds_, pids_limit_;
};

// All batches of one host, tick after tick.
class HostWorkload {
 public:
  HostWorkload(WorkloadOptions const& options, unsigned number);
  std::string const& name() const { return name_; }
  WallTime next_tick() const { return tick_; }
  // The next tick's: stream is set, with epoch 1, lane and sequence are the sender's to set.
  std::shared_ptr<Batch> next();

 private:
  struct Container {
    SlotEntity entity;
    unsigned app;
    unsigned place;  // which of the host's containers it is the present life of
    ContainerModel model;
  };
  Container container(unsigned place, WallTime start);
  Row host_row(std::int64_t time);

  WorkloadOptions options_;
  unsigned number_;
  std::string name_;
  Dice dice_;
  WallTime tick_;
  std::uint32_t next_slot_ = 1;
  std::vector<std::uint32_t> lives_;   // of each place, so far
  std::vector<Container> containers_;  // by slot ascending
  std::vector<std::int64_t> figures_;  // of the host
};

// How many figures the batch has.
std::uint64_t samples_of(Batch const& batch);

}  // namespace dadvisor::bench
