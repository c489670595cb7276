#pragma once
// One run of one container, as the sampler follows it from tick to tick. Part of the sampler.

#include "agent/sample/sampler.hpp"

namespace dadvisor::agent {

// The place of their schema in a batch; the host's is 0.
inline constexpr std::uint32_t container_schema = 1;

struct Sampler::Life {
  std::string id;
  std::uint32_t slot = 0;
  Entity entity;
  Container container;  // as last seen; without a runtime only id and name
  bool from_runtime = false;
  std::string path;         // of its cgroup, once known
  std::string runtime;      // where the cgroup tree told it
  std::uint64_t inode = 0;  // of that cgroup: with the start it makes the life
  bool inside = false;      // another container, whose figures hold its own
  std::optional<CgroupReader> cgroup;
  std::optional<NetReader> net;
  std::int64_t net_pid = 0;  // that `net` was opened, or tried, for
  SteadySum net_sums[8];
  // Where its cgroup does not count on every disk: by the processes' accounts, and what was shown.
  SteadySum process_read_bytes, process_write_bytes, io_read_bytes, io_write_bytes;
  bool io_mixed = false;                    // such an account was shown
  bool net_owner = false;                   // shows its namespace's figures
  std::optional<std::int64_t> descriptors;  // as last counted
  TcpFigures tcp;                           // gauges as last read
  std::optional<TreeSize> layer;            // as last counted
  std::optional<std::int64_t> volume_bytes;
  MonotonicTime slow_due = MonotonicTime::min();
  std::optional<MonotonicTime> vanished;  // since when its cgroup is away
  bool present = false;                   // in this tick's snapshot or tree
  std::optional<LastReading> last;        // since a process of it ended that may be the last
  std::optional<std::int64_t> cpu_seen;   // ns of CPU that cpu.unaccounted knows to be its
  bool removed = false;                   // its cgroup is away
  bool missed = false;                    // and was before its last figures could be read
};

// A reading of a namespace that several containers may share: which of them gets it is settled
// when all have been read.
struct Sampler::PendingNet {
  Life* life = nullptr;
  std::uint32_t slot = 0;
  NetReading reading;
};

}  // namespace dadvisor::agent
