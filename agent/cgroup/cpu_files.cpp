#include "agent/cgroup/cpu_files.hpp"

#include <unistd.h>

#include <algorithm>

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

namespace {

std::optional<std::int64_t> times(std::optional<std::int64_t> value, std::int64_t factor) {
  if (!value) return std::nullopt;
  return bounded_product(*value, factor);
}

std::optional<double> cores(std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

void tighten(std::optional<double>& limit, std::optional<double> by) {
  if (by && (!limit || *by < *limit)) limit = by;
}

}  // namespace

void scan_cpu_stat_v1(std::string_view text, CgroupReading& into) {
  into.cpu_periods = scan_key(text, "nr_periods");
  into.cpu_throttled = scan_key(text, "nr_throttled");
  into.cpu_throttled_time = scan_key(text, "throttled_time");
}

void scan_cpu_stat_v2(std::string_view text, CgroupReading& into) {
  into.cpu_usage = times(scan_key(text, "usage_usec"), 1000);
  into.cpu_user = times(scan_key(text, "user_usec"), 1000);
  into.cpu_system = times(scan_key(text, "system_usec"), 1000);
  into.cpu_periods = scan_key(text, "nr_periods");
  into.cpu_throttled = scan_key(text, "nr_throttled");
  into.cpu_throttled_time = times(scan_key(text, "throttled_usec"), 1000);
}

void scan_cpuacct_stat(std::string_view text, CgroupReading& into) {
  std::int64_t const tick_ns = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  into.cpu_user = times(scan_key(text, "user"), tick_ns);
  into.cpu_system = times(scan_key(text, "system"), tick_ns);
}

std::optional<double> scan_cpu_max(std::string_view text) {
  auto const quota = scan_integer(take_word(text));
  return cores(quota, scan_integer(take_word(text)));
}

Result<CpuFiles> CpuFiles::open(CgroupDirectories const& directories) {
  CpuFiles files;
  auto const* account = directories.of("cpuacct");
  files.unified_ = account && account->unified;
  auto const keep = [](CgroupDirectory const* directory, char const* name,
                       KernelFile& into) -> Result<void> {
    if (!directory) return {};
    auto file = directory->file(name);
    if (!file) return file.error();
    into = std::move(*file);
    return {};
  };
  if (!files.unified_) {
    if (auto kept = keep(account, "cpuacct.usage", files.usage_); !kept) return kept.error();
    if (auto kept = keep(account, "cpuacct.stat", files.split_); !kept) return kept.error();
  }
  auto const* throttle = files.unified_ ? account : directories.of("cpu");
  if (auto kept = keep(throttle, "cpu.stat", files.stat_); !kept) return kept.error();
  return files;
}

Result<void> CpuFiles::read(CgroupReading& into, ReadBuffer& buffer) {
  if (!unified_) {
    auto const usage = usage_.read(buffer);
    if (!usage) return usage.error();
    into.cpu_usage = scan_integer(*usage);
    auto const split = split_.read(buffer);
    if (!split) return split.error();
    scan_cpuacct_stat(*split, into);
  }
  auto const stat = stat_.read(buffer);
  if (!stat) return stat.error();
  if (unified_)
    scan_cpu_stat_v2(*stat, into);
  else
    scan_cpu_stat_v1(*stat, into);
  return {};
}

Result<void> CpuFiles::read_slow(CgroupDirectories const& directories, HostFacts const& host,
                                 CgroupReading& into, ReadBuffer& buffer) const {
  std::optional<double> limit;
  if (auto const* cpu = directories.of("cpu")) {
    // A pod's or a slice's quota above binds as well as the container's own.
    for (int up = 0; up < cpu->depth; ++up) {
      auto const quota = cpu->read(up, cpu->unified ? "cpu.max" : "cpu.cfs_quota_us", buffer);
      if (!quota) return quota.error();
      if (cpu->unified) {
        tighten(limit, scan_cpu_max(*quota));
        continue;
      }
      auto const quota_us = scan_integer(*quota);
      if (quota_us.value_or(-1) <= 0) continue;  // none
      auto const period = cpu->read(up, "cpu.cfs_period_us", buffer);
      if (!period) return period.error();
      tighten(limit, cores(quota_us, scan_integer(*period)));
    }
    auto const shares = cpu->read(0, cpu->unified ? "cpu.weight" : "cpu.shares", buffer);
    if (!shares) return shares.error();
    into.cpu_shares = scan_integer(*shares);
  }
  if (auto const* set = directories.of("cpuset")) {
    auto list =
        set->read(0, set->unified ? "cpuset.cpus.effective" : "cpuset.effective_cpus", buffer);
    // Kernels before 3.17 have just the configured list, and write it in full.
    if (list && list->empty() && !set->unified) list = set->read(0, "cpuset.cpus", buffer);
    if (!list) return list.error();
    if (auto const cpus = count_cpu_list(*list)) tighten(limit, static_cast<double>(*cpus));
  }
  bool const binds = limit && (host.cpus <= 0 || *limit < static_cast<double>(host.cpus));
  into.cpu_limit = binds ? limit : std::nullopt;
  return {};
}

}  // namespace dadvisor::agent
