#include "agent/cgroup/container_walk.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <set>

#include "agent/host/kernel_file.hpp"

namespace dadvisor::agent {

namespace {

constexpr int most_directories = 50'000;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

struct Walk {
  PathRules const& rules;
  CgroupTree tree;
  int visited = 0;

  void visit(std::string const& directory, std::string const& path, int depth) {
    if (depth > deepest_cgroup || ++visited > most_directories) return;
    auto const match = path.empty() ? std::nullopt : match_container(path, rules);
    if (match && match->path == path) {
      struct stat of {};
      if (::stat(directory.c_str(), &of) != 0) return;  // gone since it was listed
      tree.containers.push_back({*match, static_cast<std::uint64_t>(of.st_ino)});
    } else if (!match) {
      tree.parents.push_back(path);
    }
    for (auto const& child : child_cgroups(directory))
      visit(directory + "/" + child, path + "/" + child, depth + 1);
  }
};

}  // namespace

std::string top_of(std::string const& path) { return path.substr(0, path.find('/', 1)); }

std::vector<std::string> child_cgroups(std::string const& directory) {
  std::vector<std::string> children;
  std::unique_ptr<DIR, CloseDirectory> const listing(::opendir(directory.c_str()));
  if (!listing) return children;
  while (dirent const* entry = ::readdir(listing.get()))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') children.emplace_back(entry->d_name);
  return children;
}

CgroupTree walk_containers(CgroupMount const& mount, PathRules const& rules) {
  Walk walk{rules, {}, 0};
  walk.visit(mount.point, mount.root == "/" ? "" : mount.root, 0);
  std::ranges::sort(walk.tree.containers, {},
                    [](FoundContainer const& one) { return one.container.path; });
  return std::move(walk.tree);
}

std::string directory_of(CgroupMount const& mount, std::string const& path) {
  bool const part = mount.root != "/" && path.starts_with(mount.root);
  return mount.point + (part ? path.substr(mount.root.size()) : path);
}

std::vector<std::string> container_roots(CgroupMount const& mount, CgroupTree const& tree) {
  std::set<std::string> roots;
  for (auto const& found : tree.containers) {
    auto const top = top_of(found.container.path);
    // A container that lies in no other cgroup has nothing above it to compare with.
    if (top != found.container.path) roots.insert(top);
  }
  ReadBuffer buffer;
  for (auto const& parent : tree.parents) {
    auto const root = roots.find(top_of(parent));
    if (root == roots.end()) continue;
    auto const processes = read_once(directory_of(mount, parent) + "/cgroup.procs", buffer);
    if (processes && !processes->empty()) roots.erase(root);
  }
  return {roots.begin(), roots.end()};
}

}  // namespace dadvisor::agent
