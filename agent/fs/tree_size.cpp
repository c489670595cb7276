#include "agent/fs/tree_size.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/core/fd.hpp"

namespace dadvisor::agent {
namespace {

constexpr std::int64_t block = 512;  // of st_blocks, whatever the file system's own (stat(3))

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory open_directory(int at, char const* name) {
  int const fd = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return nullptr;
  Directory directory(::fdopendir(fd));
  if (!directory) ::close(fd);
  return directory;
}

class Count {
 public:
  Count(dev_t device, std::int64_t budget) : device_(device), budget_(budget) {}

  bool add(struct stat const& of) {
    if (size_.inodes >= budget_) {
      size_.partial = true;
      return false;
    }
    bool const several = !S_ISDIR(of.st_mode) && of.st_nlink > 1;
    if (several && !seen_.insert(of.st_ino).second) return true;
    ++size_.inodes;
    size_.bytes += of.st_blocks * block;
    return true;
  }
  bool on_device(struct stat const& of) const { return of.st_dev == device_; }
  TreeSize const& size() const { return size_; }

 private:
  dev_t device_;
  std::int64_t budget_;
  std::unordered_set<ino_t> seen_;  // of files with several names
  TreeSize size_;
};

}  // namespace

Result<TreeSize> tree_size(std::string const& path, std::int64_t budget,
                           std::atomic<bool> const& stop) {
  auto top = open_directory(AT_FDCWD, path.c_str());
  if (!top) return os_error(errno, path);
  struct stat of {};
  if (::fstat(::dirfd(top.get()), &of) != 0) return os_error(errno, path);
  Count count(of.st_dev, budget);
  count.add(of);
  // Depth first; the directories from the top to here stay open, so that one that is moved away
  // meanwhile leads nowhere else.
  std::vector<Directory> open;
  open.push_back(std::move(top));
  constexpr std::size_t deepest = 512;  // descriptors; what lies deeper is not counted
  while (!open.empty()) {
    if (stop) return Error{Errc::gone, 0, path};
    int const at = ::dirfd(open.back().get());
    Directory below;
    while (dirent const* entry = ::readdir(open.back().get())) {
      std::string_view const name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (::fstatat(at, entry->d_name, &of, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (!count.on_device(of)) continue;
      if (!count.add(of)) return count.size();
      if (!S_ISDIR(of.st_mode) || open.size() >= deepest) continue;
      below = open_directory(at, entry->d_name);
      if (below) break;
    }
    if (below)
      open.push_back(std::move(below));
    else
      open.pop_back();
  }
  return count.size();
}

}  // namespace dadvisor::agent
