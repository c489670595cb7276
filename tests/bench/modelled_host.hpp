#pragma once
// A host whose containers behave like real ones, by a seed.
//
// A modelled host has 20 containers. By app, 30 % idle, 45 % serve the web (load follows the day),
// 15 % are busy and throttled, 10 % work in batches of half an hour. A container has 40 integer
// figures, a host all that an agent sends of it but pressure. Times of CPU are exact in usage and
// come in ticks of 10 ms in user and system, memory in pages of 4 KiB, as the kernel's cgroup v1
// files have them. About four columns in ten never change within two hours. Ticks are aligned.

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/dice.hpp"
#include "tests/bench/workload.hpp"

namespace dadvisor::bench {

std::vector<MetricId> const& container_metrics();
std::vector<MetricId> const& host_metrics();

enum class LoadClass : std::uint8_t { idle, web, busy, batch };
LoadClass load_class(unsigned app);

// One life of one container.
class ContainerModel {
 public:
  ContainerModel(LoadClass kind, std::uint64_t seed, std::int64_t age_seconds);
  // The figures of the next tick, in the order of container_metrics(). `time`: seconds of the day.
  void step(double seconds, std::int64_t time, Cells& cells);

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

std::unique_ptr<HostFigures> modelled_host(WorkloadOptions const& options, unsigned number);

}  // namespace dadvisor::bench
