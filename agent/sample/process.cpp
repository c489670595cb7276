#include "agent/sample/process.hpp"

#include <algorithm>

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

namespace {

// Whether a comma list such as "cpu,cpuacct" holds a name.
bool lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    std::size_t const comma = names.find(',');
    if (names.substr(0, comma) == name) return true;
    names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
  }
  return false;
}

// The first list that names a process, 0 being one that we do not see. Empty when there is none.
std::string_view process_list(CgroupDirectory const& directory, ReadBuffer& buffer) {
  for (char const* name :
       {"cgroup.procs", "leaf/cgroup.procs", "init/cgroup.procs", "container/cgroup.procs"}) {
    auto const text = directory.read(0, name, buffer, Records::many);
    if (!text) return {};
    std::string_view rest = *text;
    auto const pid = scan_integer(take_word(rest));
    if (pid && *pid > 0) return *text;
  }
  return {};
}

// Where `told` ends in `path` as whole components.
std::optional<std::size_t> end_of_told(std::string_view path, std::string_view told) {
  for (auto at = path.find(told); at != std::string_view::npos; at = path.find(told, at + 1)) {
    auto const end = at + told.size();
    if (end == path.size() || path[end] == '/') return end;
  }
  return std::nullopt;
}

std::optional<std::string> cut_after_id(std::string_view path, std::string_view id) {
  for (std::size_t begin = 1; !id.empty() && begin < path.size();) {
    auto const end = std::min(path.find('/', begin), path.size());
    auto component = path.substr(begin, end - begin);
    if (component.ends_with(".scope")) component.remove_suffix(6);
    if (component.ends_with(id) &&
        (component.size() == id.size() || component[component.size() - id.size() - 1] == '-'))
      return std::string(path.substr(0, end));
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> first_process(CgroupDirectory const& directory, ReadBuffer& buffer) {
  std::string_view processes = process_list(directory, buffer);
  return scan_integer(take_word(processes));
}

std::optional<std::int64_t> open_descriptors(CgroupDirectory const& directory,
                                             DescriptorCount const& count, ReadBuffer& buffer) {
  constexpr int most_processes = 1'000;
  std::string_view processes = process_list(directory, buffer);
  if (processes.empty() || std::ranges::count(processes, '\n') > most_processes)
    return std::nullopt;
  std::int64_t descriptors = 0;
  std::string_view line;
  while (take_line(processes, line)) {
    auto const its = count.of(std::string(line));
    if (!its && its.error().code == Errc::gone) continue;
    if (!its) return std::nullopt;
    descriptors += *its;
  }
  return descriptors;
}

std::optional<std::string> process_cgroup(std::string const& proc_root, std::int64_t pid,
                                          std::string_view controller, std::string_view id,
                                          ReadBuffer& buffer, std::string_view told) {
  auto text = read_once(proc_root + "/" + std::to_string(pid) + "/cgroup", buffer);
  if (!text) return std::nullopt;
  std::string_view line;
  while (take_line(*text, line)) {
    // number:controllers:path
    std::size_t const first = line.find(':');
    std::size_t const second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    std::string_view const names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? !names.empty() : !lists(names, controller)) continue;
    std::string_view const path = line.substr(second + 1);
    auto const end = told.empty() ? std::nullopt : end_of_told(path, told);
    return end ? std::string(path.substr(0, *end)) : cut_after_id(path, id);
  }
  return std::nullopt;
}

}  // namespace dadvisor::agent
