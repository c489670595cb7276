#include "agent/doctor/host_checks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/core/config/value.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::agent {

using Level = Finding::Level;

Finding check_cgroups(Result<Hierarchies> const& hierarchies) {
  Finding finding{Level::good, "cgroups", {}, {}};
  if (!hierarchies) {
    finding.level = Level::fault;
    finding.found = to_string(hierarchies.error());
    finding.remedy = "mount them (systemd does it at boot; cgroupfs-mount does it elsewhere)";
    return finding;
  }
  // As v1 names them, and what v2 has in their place.
  struct Controller {
    char const* v1;
    char const* v2;
    char const* figures;
  };
  static constexpr Controller controllers[] = {{"cpuacct", "cpu", "cpu.*"},
                                               {"memory", "memory", "mem.*"},
                                               {"blkio", "io", "io.*"},
                                               {"pids", "pids", "pids.*"}};
  std::string unified;
  if (auto const* mount = hierarchies->unified())
    if (auto const text = read_file(mount->point + "/cgroup.controllers", 4096))
      unified = " " + text->substr(0, text->find('\n')) + " ";
  std::string places, missing;
  for (auto const& [v1, v2, figures] : controllers) {
    bool const on_v1 = hierarchies->v1(v1) != nullptr;
    bool const on_v2 = unified.find(fmt::format(" {} ", v2)) != std::string::npos;
    if (!on_v1 && !on_v2) {
      missing += fmt::format("{}{} ({})", missing.empty() ? "" : ", ", v2, figures);
      continue;
    }
    places +=
        fmt::format("{}{} on {}", places.empty() ? "" : ", ", on_v1 ? v1 : v2, on_v1 ? "v1" : "v2");
    if (on_v1 && std::string_view(v1) == "blkio") places += " (without buffered writes)";
  }
  finding.found = fmt::format("{}: {}", to_string(hierarchies->mode()), places);
  if (!missing.empty()) {
    finding.level = Level::note;
    finding.found += "; not there: " + missing;
    finding.remedy =
        "boot with cgroup_enable=memory for memory; others are options of the kernel's build";
  }
  return finding;
}

Finding check_pressure(std::string const& proc_root) {
  Finding finding{Level::good, "pressure", "told by this kernel", {}};
  auto const path = proc_root + "/pressure/cpu";
  auto const file = open_file(path, O_RDONLY);
  char byte = 0;
  if (file && ::read(file->get(), &byte, 1) == 1) return finding;
  bool const off = file && errno == EOPNOTSUPP;
  finding.level = Level::note;
  finding.found = off ? "switched off: *.pressure_* stay absent"
                      : "not told by this kernel: *.pressure_* stay absent";
  finding.remedy = off ? "boot with psi=1" : "a kernel from 4.20 on, built with CONFIG_PSI";
  return finding;
}

Finding check_proc(std::string const& proc_root) {
  Finding finding{Level::good, "processes", "all are to be seen", {}};
  auto const file = open_file(proc_root + "/1/net/dev", O_RDONLY);
  if (file) return finding;
  finding.level = Level::note;
  finding.found = fmt::format("process 1 is hidden ({}): net.* and names of containers stay absent",
                              to_string(file.error()));
  finding.remedy =
      "mount /proc without hidepid, or with gid= a group of the agent's user; in a "
      "container run it with --pid host";
  return finding;
}

Finding check_descriptors(std::size_t containers) {
  constexpr std::size_t of_a_container = 24, own = 100;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  auto const needed = containers * of_a_container + own;
  Finding finding{Level::good, "descriptors", {}, {}};
  if (limit.rlim_max == RLIM_INFINITY)
    finding.found = fmt::format("{} containers need some {}, no limit", containers, needed);
  else
    finding.found =
        fmt::format("{} containers need some {} of {}", containers, needed, limit.rlim_max);
  if (limit.rlim_max >= needed) return finding;
  finding.level = Level::fault;
  finding.remedy =
      fmt::format("raise the limit: LimitNOFILE={} in the unit, or ulimit -Hn", needed * 2);
  return finding;
}

Finding check_inotify() {
  Finding finding{Level::good, "inotify", "new containers are seen at once", {}};
  Fd const instance(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (instance) return finding;
  finding.level = Level::note;
  finding.found = fmt::format(
      "none is left ({}): containers that Docker does not know are found "
      "within a minute",
      std::strerror(errno));
  finding.remedy = "sysctl fs.inotify.max_user_instances=1024";
  return finding;
}

Finding check_clock() {
  Finding finding{Level::good, "clock", "kept by a time service", {}};
  timex state{};
  int const said = ::adjtimex(&state);
  if (said >= 0 && said != TIME_ERROR && (state.status & STA_UNSYNC) == 0) return finding;
  finding.level = Level::note;
  finding.found =
      "no time service keeps it: figures stand at wrong times once it is off, and are "
      "refused beyond 10 minutes";
  finding.remedy =
      "run chrony or systemd-timesyncd (in a virtual machine the hypervisor may do it)";
  return finding;
}

Finding check_spool(std::string const& directory, std::uint64_t spool_bytes) {
  Finding finding{Level::good, "spool", {}, {}};
  // It is made at start: until then its parents say.
  auto path = std::filesystem::absolute(directory);
  bool made = true;
  struct statvfs room {};
  while (::statvfs(path.c_str(), &room) != 0 && path.has_relative_path()) {
    path = path.parent_path();
    made = false;
  }
  if (made && ::access(path.c_str(), W_OK | X_OK) != 0) {
    finding.level = Level::fault;
    finding.found = fmt::format("{}: {}", directory, std::strerror(errno));
    finding.remedy = "chown it to the agent's user, or name another by data_dir";
    return finding;
  }
  std::uint64_t const free = std::uint64_t{room.f_bavail} * room.f_frsize;
  finding.found = fmt::format("{}: {} MiB free for at most {}", directory, free >> 20,
                              config::size_text(spool_bytes));
  if (free >= spool_bytes) return finding;
  finding.level = Level::note;
  finding.remedy = "make room, or lower spool_bytes: a full disk costs what the aggregator has not";
  return finding;
}

}  // namespace dadvisor::agent
