#pragma once
// The workloads of the benchmarks, the same on any machine: hosts with containers whose figures
// behave like those of real ones, by a seed; or a recording of real ones (recording.hpp), the same
// on each host but for the names.
//
// Not thread-safe; different hosts may be stepped on different threads.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/core/row.hpp"
#include "tests/bench/dice.hpp"
#include "tests/bench/recording.hpp"

namespace dadvisor::bench {

struct WorkloadOptions {
  unsigned hosts = 50;
  unsigned containers = 20;  // of each host
  std::uint64_t seed = 1;
  double churn = 0;  // share of the containers that end and are replaced per hour
  Nanoseconds step = std::chrono::seconds(10);
  WallTime begin{};                            // the first tick
  std::shared_ptr<Recording const> recording;  // instead of models; begins anew at its end
};

// So many that an app has 20 instances, at least 20 for the mix to be right.
unsigned apps_of(WorkloadOptions const& options);
// "app-00012": fixed width, so that a glob can tell a thousand instances' apps.
std::string app_name(unsigned number);
std::string host_name(unsigned number);

// What one host's containers do. `fill` adds schemas, entities and rows of the next tick, which
// batch.tick is.
class HostFigures {
 public:
  virtual ~HostFigures() = default;
  virtual void fill(Batch& batch) = 0;
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
  std::string name_;
  Nanoseconds step_;
  WallTime tick_;
  std::unique_ptr<HostFigures> figures_;
};

// How many figures the batch has.
std::uint64_t samples_of(Batch const& batch);

}  // namespace dadvisor::bench
