#include "agent/sample/unaccounted_cpu.hpp"

#include "agent/cgroup/container_walk.hpp"
#include "agent/host/scan.hpp"

namespace dadvisor::agent {

void UnaccountedCpu::follow(Hierarchies const& hierarchies, std::vector<std::string> const& roots) {
  auto const* mount = hierarchies.v1("cpuacct");
  bool const unified = mount == nullptr;
  if (unified) mount = hierarchies.unified();
  if (!mount) return;
  for (auto const& path : roots) {
    if (roots_.contains(path)) continue;
    auto file =
        KernelFile::open(directory_of(*mount, path) + (unified ? "/cpu.stat" : "/cpuacct.usage"));
    if (!file || !*file) continue;
    roots_[path] = {std::move(*file), unified, std::nullopt, 0, 0};
    if (!total_) total_ = 0;
  }
}

void UnaccountedCpu::seen(std::string const& path, std::int64_t used) {
  auto const root = roots_.find(top_of(path));
  if (root != roots_.end()) root->second.seen += used;
}

std::optional<std::int64_t> UnaccountedCpu::usage(Root& root, ReadBuffer& buffer) {
  auto const text = root.file.read(buffer);
  auto used = !text          ? std::nullopt
              : root.unified ? scan_key(*text, "usage_usec")
                             : scan_integer(*text);
  if (used && root.unified) *used *= 1000;
  return used;
}

std::optional<std::int64_t> UnaccountedCpu::usage(std::string const& root, ReadBuffer& buffer) {
  auto const one = roots_.find(root);
  return one == roots_.end() ? std::nullopt : usage(one->second, buffer);
}

void UnaccountedCpu::read(ReadBuffer& buffer) {
  for (auto one = roots_.begin(); one != roots_.end();) {
    auto& root = one->second;
    auto const used = usage(root, buffer);
    if (!used) {
      one = roots_.erase(one);  // it was removed, and with it all containers
      continue;
    }
    if (root.last) {
      root.behind += *used - *root.last - root.seen;
      if (root.behind > 0) *total_ += std::exchange(root.behind, 0);
    }
    root.last = used;
    root.seen = 0;
    ++one;
  }
}

}  // namespace dadvisor::agent
