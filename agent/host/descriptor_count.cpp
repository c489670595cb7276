#include "agent/host/descriptor_count.hpp"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <memory>

namespace dadvisor::agent {

namespace {

struct CloseListing {
  void operator()(DIR* listing) const { ::closedir(listing); }
};

// A directory of another file system has a size of its own, that of /proc until 6.2 none.
bool sizes_tell(std::string const& proc_root) {
  struct statfs system {};
  struct stat own {};
  return ::statfs(proc_root.c_str(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC &&
         ::stat((proc_root + "/self/fd").c_str(), &own) == 0 && own.st_size > 0;
}

Error failed(std::string const& path) {
  auto error = os_error(errno, path);
  if (error.os_error == ENOENT) error.code = Errc::gone;
  return error;
}

}  // namespace

DescriptorCount::DescriptorCount(std::string proc_root)
    : proc_root_(std::move(proc_root)), by_size_(sizes_tell(proc_root_)) {}

Result<std::int64_t> DescriptorCount::of(std::string const& process) const {
  auto const path = proc_root_ + "/" + process + "/fd";
  if (by_size_) {
    struct stat directory {};
    if (::stat(path.c_str(), &directory) != 0) return failed(path);
    return static_cast<std::int64_t>(directory.st_size);
  }
  std::unique_ptr<DIR, CloseListing> const listing(::opendir(path.c_str()));
  if (!listing) return failed(path);
  // One of its own is the listing that is being read.
  std::int64_t descriptors = process == "self" ? -1 : 0;
  while (dirent const* entry = ::readdir(listing.get()))
    if (entry->d_name[0] != '.') ++descriptors;
  return descriptors;
}

}  // namespace dadvisor::agent
