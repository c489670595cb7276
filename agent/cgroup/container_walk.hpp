#pragma once
// Finds the containers' cgroups by walking one hierarchy. Costs some 40 us a directory, so walks
// are rare: CgroupWatch says which directories came and went; a walk at the slow pace catches what
// that missed. Pure but for the file system; any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "agent/cgroup/container_path.hpp"
#include "agent/cgroup/hierarchies.hpp"

namespace dadvisor::agent {

struct FoundContainer {
  ContainerPath container;
  std::uint64_t inode = 0;  // of its directory: another life of the same id has another
};

// What a walk saw.
struct CgroupTree {
  std::vector<FoundContainer> containers;  // by path; those inside containers too
  // Below the mount, from the hierarchy's root: directories in no container, which containers may
  // be made in. The root itself is "".
  std::vector<std::string> parents;
};

// How many levels are looked at.
inline constexpr int deepest_cgroup = 16;

// The names of the cgroups in a directory of the file system; empty when it is gone.
std::vector<std::string> child_cgroups(std::string const& directory);

// All of the hierarchy under `mount`. Bounded: 16 levels, 50,000 directories.
CgroupTree walk_containers(CgroupMount const& mount, PathRules const& rules);

// Where the file system has a cgroup of `mount`, given by its path from the hierarchy's root.
std::string directory_of(CgroupMount const& mount, std::string const& path);

// The topmost cgroup that a path lies in, or is.
std::string top_of(std::string const& path);

// Topmost cgroups ("/docker", "/kubepods.slice") in which processes are in containers only: what
// such a one used and no container below it did was used by containers that nobody saw. Reads the
// process list of each of the tree's parents.
std::vector<std::string> container_roots(CgroupMount const& mount, CgroupTree const& tree);

}  // namespace dadvisor::agent
