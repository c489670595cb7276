#include "agent/cgroup/container_walk.hpp"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

namespace dadvisor::agent {

namespace {

constexpr int deepest = 16;
constexpr int most_directories = 50'000;
// Parents of containers are few; a host of thousands of slices must not eat the user's watches.
constexpr std::size_t most_watches = 256;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

ContainerWalk::ContainerWalk(CgroupMount mount, PathRules rules)
    : mount_(std::move(mount)),
      rules_(std::move(rules)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

std::vector<FoundContainer> ContainerWalk::walk() {
  std::vector<FoundContainer> found;
  visited_ = 0;
  std::string const root = mount_.root == "/" ? "" : mount_.root;
  visit(mount_.point, root, 0, found);
  std::ranges::sort(found, {}, [](FoundContainer const& one) { return one.container.path; });
  return found;
}

void ContainerWalk::visit(std::string const& directory, std::string const& path, int depth,
                          std::vector<FoundContainer>& found) {
  if (depth > deepest || ++visited_ > most_directories) return;
  auto const match = path.empty() ? std::nullopt : match_container(path, rules_);
  bool const is_level = match && match->path == path;
  if (is_level) {
    struct stat of {};
    if (::stat(directory.c_str(), &of) != 0) return;  // gone since it was listed
    found.push_back({*match, static_cast<std::uint64_t>(of.st_ino)});
  } else if (!match) {
    watch(directory);
  }
  std::unique_ptr<DIR, CloseDirectory> const listing(::opendir(directory.c_str()));
  if (!listing) return;
  std::vector<std::string> children;
  while (dirent const* entry = ::readdir(listing.get())) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    children.emplace_back(entry->d_name);
  }
  for (auto const& child : children)
    visit(directory + "/" + child, path + "/" + child, depth + 1, found);
}

void ContainerWalk::watch(std::string const& directory) {
  if (!inotify_ || watched_.size() >= most_watches) return;
  int const number = ::inotify_add_watch(inotify_.get(), directory.c_str(),
                                         IN_CREATE | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW);
  if (number >= 0) watched_[number] = directory;
}

bool ContainerWalk::changed() {
  if (!inotify_) return false;
  bool changed = false;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (;;) {
    ssize_t const n = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (n <= 0) return changed;
    for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
      auto const* event = reinterpret_cast<inotify_event const*>(buffer.data() + at);
      // A watched directory that was removed takes its watch along.
      if (event->mask & IN_IGNORED) watched_.erase(event->wd);
      if (event->mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_IGNORED)) changed = true;
      at += sizeof(inotify_event) + event->len;
    }
  }
}

}  // namespace dadvisor::agent
