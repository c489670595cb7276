#pragma once
// Finds the containers' cgroups by walking one hierarchy, and tells when to walk again. Costs some
// 15 us a directory, so walks are rare: inotify on the directories that containers are made in
// says when one came or went; a walk at the slow pace catches what that missed.
// Not thread-safe; the sampler's thread owns it.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/cgroup/container_path.hpp"
#include "agent/cgroup/hierarchies.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::agent {

struct FoundContainer {
  ContainerPath container;
  std::uint64_t inode = 0;  // of its directory: another life of the same id has another
};

class ContainerWalk {
 public:
  // Without inotify (no instance left) it works still, by the slow pace alone.
  ContainerWalk(CgroupMount mount, PathRules rules);

  // All containers under the mount, by path. Bounded: 16 levels, 50,000 directories.
  std::vector<FoundContainer> walk();

  // Whether a directory was made or removed beside known containers since the last walk.
  bool changed();

 private:
  void visit(std::string const& directory, std::string const& path, int depth,
             std::vector<FoundContainer>& found);
  void watch(std::string const& directory);

  CgroupMount mount_;
  PathRules rules_;
  Fd inotify_;
  std::map<int, std::string> watched_;  // by inotify's number
  int visited_ = 0;
};

}  // namespace dadvisor::agent
