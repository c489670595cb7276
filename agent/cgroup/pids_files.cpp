#include "agent/cgroup/pids_files.hpp"

#include <algorithm>

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

Result<PidsFiles> PidsFiles::open(CgroupDirectories const& directories) {
  PidsFiles files;
  auto const* directory = directories.of("pids");
  if (!directory) return files;
  auto current = directory->file("pids.current");
  if (!current) return current.error();
  files.current_ = std::move(*current);
  auto events = directory->file("pids.events");
  if (!events) return events.error();
  files.events_ = std::move(*events);
  return files;
}

Result<void> PidsFiles::read(CgroupReading& into, ReadBuffer& buffer) {
  auto const current = current_.read(buffer);
  if (!current) return current.error();
  into.pids_current = scan_integer(*current);
  auto const events = events_.read(buffer);
  if (!events) return events.error();
  into.pids_failed = scan_key(*events, "max");
  return {};
}

Result<void> PidsFiles::read_slow(CgroupDirectories const& directories, CgroupReading& into,
                                  ReadBuffer& buffer) const {
  if (auto const* directory = directories.of("pids")) {
    auto const most = directory->read(0, "pids.max", buffer);
    if (!most) return most.error();
    into.pids_limit = scan_integer(*most);  // "max" is no number: unlimited
  }
  auto const processes = directories.main().read(0, "cgroup.procs", buffer, Records::many);
  if (!processes) return processes.error();
  into.processes = std::ranges::count(*processes, '\n');
  return {};
}

}  // namespace dadvisor::agent
