#pragma once
// A cgroup's disk figures. v1: blkio.throttle.io_service_bytes_recursive and
// io_serviced_recursive (without _recursive on old kernels); v2: io.stat.
//
// Kernels from 6.10 on count nothing on v1 for a device until somebody once set a throttle rule on
// it: then there is no line, which is not the same as 0. Only Read and Write lines are summed;
// Sync, Async and Total are the same bytes again. Not thread-safe.

#include <string_view>
#include <vector>

#include "agent/cgroup/cgroup_directory.hpp"
#include "agent/cgroup/cgroup_reading.hpp"
#include "agent/host/block_devices.hpp"
#include "agent/host/scan.hpp"

namespace dadvisor::agent {

struct DeviceIo {
  DeviceNumber device;
  std::int64_t read = 0;  // bytes, or operations
  std::int64_t write = 0;
  bool operator==(DeviceIo const&) const = default;
};

class IoFiles {
 public:
  static Result<IoFiles> open(CgroupDirectories const& directories);
  // Errors: gone.
  Result<void> read(HostFacts const& host, CgroupReading& into, ReadBuffer& buffer);

 private:
  // Fills scratch_ and seen_ and gives the sums over the devices that count; nullopt without any.
  std::optional<DeviceIo> sum(HostFacts const& host, CgroupReading& into);

  bool unified_ = false;
  KernelFile bytes_, operations_;
  std::vector<DeviceIo> scratch_;
  std::vector<DeviceNumber> seen_;
  SteadySum read_bytes_, write_bytes_, reads_, writes_;
};

// v1: lines "8:0 Read 123".
void scan_blkio(std::string_view text, std::vector<DeviceIo>& into);
// v2: lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..."; `read_key` "rbytes=" or "rios=", and so on.
void scan_io_stat(std::string_view text, std::string_view read_key, std::string_view write_key,
                  std::vector<DeviceIo>& into);

}  // namespace dadvisor::agent
