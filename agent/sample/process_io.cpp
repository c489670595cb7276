#include "agent/sample/process_io.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <vector>

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

namespace {

constexpr std::size_t most_processes = 1'000;

// The processes in the cgroup and those below it; false beyond the most, or where one has no
// number.
bool list_processes(std::string const& directory, std::vector<std::int64_t>& into,
                    ReadBuffer& buffer) {
  auto const text = read_once(directory + "/cgroup.procs", buffer, Records::many);
  if (!text) return false;
  std::string_view rest = *text, line;
  while (take_line(rest, line)) {
    auto const pid = scan_integer(line);
    if (!pid || *pid <= 0 || into.size() == most_processes) return false;
    into.push_back(*pid);
  }
  // A directory has a link more for each one below it: most have none, and are not listed.
  struct stat of {};
  if (::stat(directory.c_str(), &of) != 0) return false;
  if (of.st_nlink <= 2) return true;
  std::error_code failed;
  for (auto const& entry : std::filesystem::directory_iterator(directory, failed))
    if (entry.is_directory(failed) && !list_processes(entry.path().string(), into, buffer))
      return false;
  return !failed;
}

}  // namespace

std::optional<ProcessIo> process_io(CgroupDirectory const& directory, std::string const& proc_root,
                                    ReadBuffer& buffer) {
  std::vector<std::int64_t> processes;
  if (!directory.same() || !list_processes(directory.path, processes, buffer) || processes.empty())
    return std::nullopt;
  ProcessIo sum;
  bool any = false;  // else this kernel has no such accounts
  for (auto const pid : processes) {
    auto const text = read_once(proc_root + "/" + std::to_string(pid) + "/io", buffer);
    if (!text && (text.error().code == Errc::not_found || text.error().code == Errc::gone))
      continue;  // it has ended
    if (!text) return std::nullopt;
    auto const read = scan_key(*text, "read_bytes"), written = scan_key(*text, "write_bytes");
    if (!read || !written) return std::nullopt;
    any = true;
    sum.read_bytes = bounded_sum(sum.read_bytes, *read);
    sum.write_bytes = bounded_sum(sum.write_bytes, *written);
  }
  if (!any) return std::nullopt;
  return sum;
}

}  // namespace dadvisor::agent
