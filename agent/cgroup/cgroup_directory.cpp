#include "agent/cgroup/cgroup_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

namespace dadvisor::agent {

namespace {

constexpr char const* controllers[] = {"cpuacct", "cpu", "cpuset", "memory", "blkio", "pids"};

std::optional<std::uint64_t> inode_of(std::string const& path) {
  struct stat of {};
  if (::stat(path.c_str(), &of) != 0 || !S_ISDIR(of.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(of.st_ino);
}

// `path` as seen through a mount that may show only a part of the hierarchy.
std::optional<std::string> below(CgroupMount const& mount, std::string const& path) {
  if (mount.root == "/") return path;
  if (!path.starts_with(mount.root)) return std::nullopt;
  return path.substr(mount.root.size());
}

}  // namespace

bool CgroupDirectory::same() const { return inode_of(path) == inode; }

Result<std::string_view> CgroupDirectory::read(int up, char const* name, ReadBuffer& buffer) const {
  auto const directory = open_file(path, O_PATH | O_DIRECTORY);
  if (!directory) {
    Error error = directory.error();
    if (error.code == Errc::not_found) error.code = Errc::gone;
    return error;
  }
  struct stat of {};
  if (::fstat(directory->get(), &of) != 0) return os_error(errno, path);
  if (of.st_ino != inode) return Error{Errc::gone, 0, path + ": it is another cgroup by now"};
  std::string relative;
  for (int i = 0; i < up; ++i) relative += "../";
  relative += name;
  auto const fd = open_at(*directory, relative, O_RDONLY | O_NONBLOCK);
  if (!fd) {
    if (fd.error().code == Errc::unavailable) return fd.error().within(path);
    return std::string_view();
  }
  auto text = read_from_start(*fd, buffer, Records::many);
  if (!text && text.error().code != Errc::gone) return std::string_view();
  return text;
}

Result<CgroupDirectories> CgroupDirectories::open(Hierarchies const& hierarchies,
                                                  std::string const& path) {
  CgroupDirectories opened;
  auto const add = [&](CgroupMount const& mount) -> int {
    auto const relative = below(mount, path);
    if (!relative) return -1;
    std::string const directory = mount.point + *relative;
    for (std::size_t i = 0; i < opened.directories_.size(); ++i)
      if (opened.directories_[i].path == directory) return static_cast<int>(i);
    auto const inode = inode_of(directory);
    if (!inode) {
      opened.complete_ = false;
      return -1;
    }
    auto const depth = static_cast<int>(std::ranges::count(*relative, '/'));
    opened.directories_.push_back({directory, *inode, depth, mount.unified});
    return static_cast<int>(opened.directories_.size()) - 1;
  };
  if (auto const* walked = hierarchies.walked()) add(*walked);
  for (char const* controller : controllers)
    if (auto const* mount = hierarchies.v1(controller)) opened.v1_[controller] = add(*mount);
  if (auto const* mount = hierarchies.unified()) opened.unified_ = add(*mount);
  if (opened.directories_.empty()) return Error{Errc::not_found, 0, path + ": no such cgroup"};
  return opened;
}

CgroupDirectory const* CgroupDirectories::of(std::string_view controller) const {
  auto const found = v1_.find(controller);
  if (found != v1_.end()) return found->second < 0 ? nullptr : at(found->second);
  return unified();
}

}  // namespace dadvisor::agent
