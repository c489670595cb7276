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
  auto const root = roots_.find(path.substr(0, path.find('/', 1)));
  if (root != roots_.end()) root->second.seen += used;
}

void UnaccountedCpu::read(ReadBuffer& buffer) {
  for (auto one = roots_.begin(); one != roots_.end();) {
    auto& root = one->second;
    auto const text = root.file.read(buffer);
    auto usage = !text          ? std::nullopt
                 : root.unified ? scan_key(*text, "usage_usec")
                                : scan_integer(*text);
    if (!usage) {
      one = roots_.erase(one);  // it was removed, and with it all containers
      continue;
    }
    if (root.unified) *usage *= 1000;
    if (root.last) {
      root.behind += *usage - *root.last - root.seen;
      if (root.behind > 0) *total_ += std::exchange(root.behind, 0);
    }
    root.last = usage;
    root.seen = 0;
    ++one;
  }
}

}  // namespace dadvisor::agent
