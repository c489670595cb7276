#pragma once
// Which block devices there are, and which of them to count. Stacked devices (dm, md, loop) show
// the same bytes once more at each level, so sums are made over the lowest level that is seen.
//
// Source: /sys/block/NAME/{dev,slaves/,loop/dio}. A device once known stays known after it has
// gone: cgroup files keep its lines, and a sum must not jump because a name vanished.
// Not thread-safe; the sampler's thread owns it.

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::agent {

struct DeviceNumber {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  auto operator<=>(DeviceNumber const&) const = default;
};

// "254:0" -> {254, 0}.
std::optional<DeviceNumber> scan_device(std::string_view word);

struct DiskTotals {  // of the lowest-level disks together, since boot
  std::int64_t read_bytes = 0;
  std::int64_t write_bytes = 0;
  std::int64_t reads = 0;
  std::int64_t writes = 0;
  std::int64_t io_time_ms = 0;
};

class BlockDevices {
 public:
  explicit BlockDevices(std::string sys_root) : sys_root_(std::move(sys_root)) {}

  // Reads /sys/block again (about 0.1 ms). At start, at the slow pace, and when a cgroup names a
  // device that is not known.
  void refresh();

  bool known(DeviceNumber device) const { return devices_.contains(device); }
  // A disk with nothing beneath it. Not memory (ram, zram) and nothing stacked.
  bool physical(DeviceNumber device) const;

  // Whether a cgroup's line for `device` goes into its sum, where `seen` are all devices that its
  // file names. A stacked device is left out when one beneath it is seen as well. A loop device
  // passes its container's name down only with direct I/O, or (`unified`) by cgroup v2's
  // write-back; else its own line is the only one. Unknown devices are left out until a refresh.
  bool counted(DeviceNumber device, std::span<DeviceNumber const> seen, bool unified) const;

  // Sums /proc/diskstats over the physical disks; nullopt when it names none. `busy`, when given,
  // gets those that have done any I/O since boot, and the loop devices too whose lines are the only
  // ones of what goes through them.
  std::optional<DiskTotals> sum(std::string_view diskstats,
                                std::vector<DeviceNumber>* busy = nullptr) const;

 private:
  enum class Kind { disk, stacked, loop, memory };
  struct Device {
    Kind kind = Kind::disk;
    bool direct_io = false;  // of a loop device
    bool attached = false;   // a loop device to a file
    std::vector<DeviceNumber> beneath;
  };

  bool tells_itself(DeviceNumber device) const;

  std::string sys_root_;
  std::map<DeviceNumber, Device> devices_;
};

}  // namespace dadvisor::agent
