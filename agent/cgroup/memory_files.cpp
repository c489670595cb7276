#include "agent/cgroup/memory_files.hpp"

#include <algorithm>
#include <limits>

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

namespace {

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

Result<void> keep(CgroupDirectory const& directory, char const* name, KernelFile& into) {
  auto file = directory.file(name);
  if (!file) return file.error();
  into = std::move(*file);
  return {};
}

// "max" and what is not there are no limit.
std::int64_t scan_limit(std::string_view text) { return scan_integer(text).value_or(no_limit); }

// A limit that no container can reach is none: kernels write "none" as different huge numbers.
std::optional<std::int64_t> binding(std::int64_t limit, HostFacts const& host) {
  if (limit == no_limit || (host.mem_total > 0 && limit >= host.mem_total)) return std::nullopt;
  return limit;
}

}  // namespace

MemoryStat scan_memory_stat_v1(std::string_view text, CgroupReading& into) {
  MemoryStat stat;
  std::string_view line;
  while (take_line(text, line)) {
    if (line.starts_with("hierarchical_memory_limit ")) {
      take_word(line);
      stat.hierarchical_limit = scan_integer(line);
    }
    if (!line.starts_with("total_")) continue;
    line.remove_prefix(6);
    std::string_view const key = take_word(line);
    if (key == "rss")
      into.mem_rss = scan_integer(line);
    else if (key == "cache")
      into.mem_cache = scan_integer(line);
    else if (key == "shmem")
      into.mem_shmem = scan_integer(line);
    else if (key == "mapped_file")
      into.mem_mapped = scan_integer(line);
    else if (key == "swap")
      into.mem_swap = scan_integer(line);
    else if (key == "dirty")
      into.mem_dirty = scan_integer(line);
    else if (key == "pgfault")
      into.mem_faults = scan_integer(line);
    else if (key == "pgmajfault")
      into.mem_major_faults = scan_integer(line);
    else if (key == "inactive_file")
      stat.inactive_file = scan_integer(line);
  }
  return stat;
}

MemoryStat scan_memory_stat_v2(std::string_view text, CgroupReading& into) {
  MemoryStat stat;
  std::optional<std::int64_t> kernel, parts;
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view const key = take_word(line);
    if (key == "anon")
      into.mem_rss = scan_integer(line);
    else if (key == "file")
      into.mem_cache = scan_integer(line);
    else if (key == "shmem")
      into.mem_shmem = scan_integer(line);
    else if (key == "file_mapped")
      into.mem_mapped = scan_integer(line);
    else if (key == "file_dirty")
      into.mem_dirty = scan_integer(line);
    else if (key == "pgfault")
      into.mem_faults = scan_integer(line);
    else if (key == "pgmajfault")
      into.mem_major_faults = scan_integer(line);
    else if (key == "inactive_file")
      stat.inactive_file = scan_integer(line);
    else if (key == "kernel")
      kernel = scan_integer(line);
    else if (key == "slab" || key == "kernel_stack" || key == "pagetables" || key == "percpu")
      parts = bounded_sum(parts.value_or(0), scan_integer(line).value_or(0));
  }
  // Before 5.18 the sum is not told; its parts are what was told by then.
  into.mem_kernel = kernel ? kernel : parts;
  return stat;
}

Result<MemoryFiles> MemoryFiles::open(CgroupDirectories const& directories) {
  MemoryFiles files;
  files.own_limit_ = no_limit;
  auto const* directory = directories.of("memory");
  if (!directory) return files;
  files.unified_ = directory->unified;
  struct Kept {
    char const* v1;
    char const* v2;
    KernelFile MemoryFiles::*file;
  };
  static constexpr Kept all[] = {
      {"memory.stat", "memory.stat", &MemoryFiles::stat_},
      {"memory.usage_in_bytes", "memory.current", &MemoryFiles::usage_},
      {"memory.failcnt", nullptr, &MemoryFiles::hits_},
      {"memory.oom_control", "memory.events", &MemoryFiles::oom_},
      {"memory.kmem.usage_in_bytes", nullptr, &MemoryFiles::kernel_},
      {nullptr, "memory.swap.current", &MemoryFiles::swap_},
  };
  for (auto const& one : all) {
    char const* const name = files.unified_ ? one.v2 : one.v1;
    if (!name) continue;
    if (auto kept = keep(*directory, name, files.*one.file); !kept) return kept.error();
  }
  return files;
}

Result<void> MemoryFiles::read(HostFacts const& host, CgroupReading& into, ReadBuffer& buffer) {
  auto const stat_text = stat_.read(buffer);
  if (!stat_text) return stat_text.error();
  MemoryStat const stat =
      unified_ ? scan_memory_stat_v2(*stat_text, into) : scan_memory_stat_v1(*stat_text, into);
  // On v1 memory.stat knows the limits above; cgroups may be without hierarchy, hence the own too.
  into.mem_limit = binding(std::min(own_limit_, stat.hierarchical_limit.value_or(no_limit)), host);

  auto const usage = usage_.read(buffer);
  if (!usage) return usage.error();
  into.mem_usage = scan_integer(*usage);
  if (into.mem_usage && stat.inactive_file)
    into.mem_working_set =
        std::max<std::int64_t>(0, bounded_difference(*into.mem_usage, *stat.inactive_file));

  auto const oom = oom_.read(buffer);
  if (!oom) return oom.error();
  into.mem_oom_kills = scan_key(*oom, "oom_kill");
  if (unified_) {
    into.mem_limit_hits = scan_key(*oom, "max");
    auto const swap = swap_.read(buffer);
    if (!swap) return swap.error();
    into.mem_swap = scan_integer(*swap);
    return {};
  }
  auto const hits = hits_.read(buffer);
  if (!hits) return hits.error();
  into.mem_limit_hits = scan_integer(*hits);
  auto const kernel = kernel_.read(buffer);
  if (!kernel) return kernel.error();
  into.mem_kernel = scan_integer(*kernel);
  return {};
}

Result<void> MemoryFiles::read_slow(CgroupDirectories const& directories, CgroupReading& into,
                                    ReadBuffer& buffer) {
  auto const* directory = directories.of("memory");
  if (!directory) return {};
  own_limit_ = no_limit;
  int const levels = unified_ ? directory->depth : 1;  // v1: memory.stat tells of those above
  for (int up = 0; up < levels; ++up) {
    auto const limit =
        directory->read(up, unified_ ? "memory.max" : "memory.limit_in_bytes", buffer);
    if (!limit) return limit.error();
    own_limit_ = std::min(own_limit_, scan_limit(*limit));
  }
  auto const peak =
      directory->read(0, unified_ ? "memory.peak" : "memory.max_usage_in_bytes", buffer);
  if (!peak) return peak.error();
  into.mem_peak = scan_integer(*peak);
  return {};
}

}  // namespace dadvisor::agent
