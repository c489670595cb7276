#include "agent/cgroup/io_accounting.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/cgroup/io_files.hpp"

namespace dadvisor::agent {

std::vector<DeviceNumber> uncounted_devices(Hierarchies const& hierarchies,
                                            std::vector<DeviceNumber> const& busy,
                                            ReadBuffer& buffer) {
  auto const* mount = hierarchies.v1("blkio");
  if (!mount) return {};
  auto const text = read_once(mount->point + "/blkio.throttle.io_service_bytes_recursive", buffer);
  if (!text) return {};
  std::vector<DeviceIo> lines;
  scan_blkio(*text, lines);
  std::vector<DeviceNumber> uncounted;
  std::ranges::copy_if(busy, std::back_inserter(uncounted), [&](DeviceNumber device) {
    return std::ranges::find(lines, device, &DeviceIo::device) == lines.end();
  });
  return uncounted;
}

Result<void> start_counting(Hierarchies const& hierarchies, std::span<DeviceNumber const> devices) {
  auto const* mount = hierarchies.v1("blkio");
  if (!mount) return Error{Errc::unsupported, 0, "blkio: no cgroup v1 hierarchy has it"};
  std::string const group = mount->point + "/dadvisor-io-accounting";
  if (::mkdir(group.c_str(), 0755) != 0 && errno != EEXIST) return os_error(errno, group);
  Result<void> done;
  constexpr std::uint64_t unreachable = std::uint64_t{1} << 50;  // bytes a second
  for (auto const device : devices) {
    auto const rules = open_file(group + "/blkio.throttle.write_bps_device", O_WRONLY);
    auto const set =
        rules ? write_all(*rules, fmt::format("{}:{} {}", device.major, device.minor, unreachable))
              : Result<void>(rules.error());
    if (!set) done = set.error().within(group);
  }
  ::rmdir(group.c_str());
  return done;
}

}  // namespace dadvisor::agent
