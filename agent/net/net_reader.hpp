#pragma once
// Network figures of one container: those of the network namespace that its process is in.
//
// What is kept is the directory /proc/PID, never a file in net/: an open net/dev pins the dead
// namespace and goes on giving figures. The directory belongs to the process, not to the number:
// once that process has ended, opening below it fails, even if the number is in use again.
// Not thread-safe; the sampler's thread owns it.

#include <cstdint>
#include <string>

#include "agent/host/kernel_file.hpp"
#include "agent/host/net_dev.hpp"
#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

struct NetReading {
  NetCounters counters;  // all interfaces but the loopback; all 0 where that is the only one
  // Tells network namespaces apart: inode of net/dev, of which each namespace has its own. Unlike
  // that of /proc/PID/ns/net it needs no privilege.
  std::uint64_t name_space = 0;
  TcpFigures tcp;  // at the slow pace, else absent
};

class NetReader {
 public:
  // Of process `pid`. `belongs` must stand in its /proc/PID/cgroup (the container's id or its
  // cgroup path), for numbers are used again. Errors: gone; conflict when it is another's by now.
  static Result<NetReader> open(std::string const& proc_root, std::int64_t pid,
                                std::string const& belongs, ReadBuffer& buffer);

  // Errors: gone once the process has ended; malformed.
  Result<NetReading> read(bool slow, ReadBuffer& buffer) const;

 private:
  explicit NetReader(Fd process) : process_(std::move(process)) {}
  Fd process_;  // the directory /proc/PID
};

// The namespace of process 1, the host's; 0 when it cannot be told.
std::uint64_t host_name_space(std::string const& proc_root);

}  // namespace dadvisor::agent
