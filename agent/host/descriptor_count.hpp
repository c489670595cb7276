#pragma once
// How many file descriptors a process has open. Since Linux 6.2 the size of the directory
// /proc/PID/fd tells (fs/proc/fd.c, proc_fd_getattr()), by one call and to everybody; before, its
// entries are counted, which only root may, or who has CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH.
// Not thread-safe.

#include <cstdint>
#include <string>

#include "common/core/result.hpp"

namespace dadvisor::agent {

class DescriptorCount {
 public:
  explicit DescriptorCount(std::string proc_root);

  // `process`: its number, or "self". Errors: gone when it has ended; denied.
  Result<std::int64_t> of(std::string const& process) const;

 private:
  std::string proc_root_;
  bool by_size_;
};

}  // namespace dadvisor::agent
