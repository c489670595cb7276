#include "agent/cgroup/cgroup_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace dadvisor::agent {

namespace {

// `path` as seen through a mount that may show only a part of the hierarchy.
std::optional<std::string> below(CgroupMount const& mount, std::string const& path) {
  if (mount.root == "/") return path;
  if (!path.starts_with(mount.root)) return std::nullopt;
  return path.substr(mount.root.size());
}

}  // namespace

Result<CgroupDirectory> CgroupDirectory::open(std::string path, int depth, bool unified) {
  auto held = open_file(path, O_PATH | O_DIRECTORY);
  if (!held) return held.error();
  struct stat of {};
  if (::fstat(held->get(), &of) != 0) return os_error(errno, std::move(path));
  return CgroupDirectory{std::move(path), static_cast<std::uint64_t>(of.st_ino), depth, unified,
                         std::move(*held)};
}

bool CgroupDirectory::same() const {
  struct stat of {};
  return ::stat(path.c_str(), &of) == 0 && of.st_ino == inode;
}

Result<std::string_view> CgroupDirectory::read(int up, char const* name, ReadBuffer& buffer,
                                               Records records) const {
  std::string relative;
  for (int i = 0; i < up; ++i) relative += "../";
  relative += name;
  auto const fd = open_at(held, relative, O_RDONLY | O_NONBLOCK);
  if (!fd) {
    if (fd.error().code == Errc::unavailable) return fd.error().within(path);
    // A removed directory has no file any more.
    if (!same()) return Error{Errc::gone, 0, path + ": it was removed"};
    return std::string_view();
  }
  auto text = read_from_start(*fd, buffer, records);
  if (!text && text.error().code != Errc::gone) return std::string_view();
  return text;
}

Result<CgroupDirectories> CgroupDirectories::open(Hierarchies const& hierarchies,
                                                  std::string const& path) {
  CgroupDirectories opened;
  std::optional<Error> exhausted;
  auto const add = [&](CgroupMount const& mount) -> std::int8_t {
    auto const relative = below(mount, path);
    if (!relative) return none;
    std::string directory = mount.point + *relative;
    for (std::size_t i = 0; i < opened.directories_.size(); ++i)
      if (opened.directories_[i].path == directory) return static_cast<std::int8_t>(i);
    auto const depth = static_cast<int>(std::ranges::count(*relative, '/'));
    auto made = CgroupDirectory::open(std::move(directory), depth, mount.unified);
    if (!made) {
      if (made.error().code == Errc::unavailable) exhausted = made.error();
      opened.complete_ = false;
      return none;
    }
    opened.directories_.push_back(std::move(*made));
    return static_cast<std::int8_t>(opened.directories_.size() - 1);
  };
  if (auto const* walked = hierarchies.walked()) add(*walked);
  for (std::size_t i = 0; i < controllers.size(); ++i) {
    auto const* mount = hierarchies.v1(controllers[i]);
    opened.v1_[i] = mount ? add(*mount) : not_on_v1;
  }
  if (auto const* mount = hierarchies.unified()) opened.unified_ = add(*mount);
  if (exhausted) return *exhausted;
  if (opened.directories_.empty()) return Error{Errc::not_found, 0, path + ": no such cgroup"};
  return opened;
}

CgroupDirectory const* CgroupDirectories::of(std::string_view controller) const {
  auto const found = std::ranges::find(controllers, controller);
  if (found == controllers.end()) return unified();
  auto const index = v1_[static_cast<std::size_t>(found - controllers.begin())];
  if (index == not_on_v1) return unified();
  return index == none ? nullptr : at(index);
}

}  // namespace dadvisor::agent
