#pragma once
// One container's directories, one per hierarchy, each held by a descriptor: whatever is opened in
// it, now or later (slow pace, limits of the cgroups above), is of that directory, and a namesake
// made after its removal is never read.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cgroup/hierarchies.hpp"
#include "agent/host/kernel_file.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

struct CgroupDirectory {
  std::string path;         // of the file system
  std::uint64_t inode = 0;  // when opened
  int depth = 0;            // levels below the mount: 2 for /docker/ID
  bool unified = false;
  Fd held;  // O_PATH: keeps no buffer in the kernel, as an open file of a cgroup does

  // Errors: not_found; denied; unavailable when there are no file descriptors left.
  static Result<CgroupDirectory> open(std::string path, int depth, bool unified);

  // A file in it to keep; absent is no error.
  Result<KernelFile> file(char const* name, Records records = Records::one) const {
    return KernelFile::open_at(held, name, records);
  }
  // Reads a file in it (`up` = 0) or in the cgroup `up` levels above, now, without keeping it.
  // Empty when there is no such file. Errors: gone when the directory is.
  Result<std::string_view> read(int up, char const* name, ReadBuffer& buffer,
                                Records records = Records::one) const;
  // Whether the path still leads to the directory that was opened.
  bool same() const;
};

class CgroupDirectories {
 public:
  // `path` below every hierarchy's root, as /proc/PID/cgroup shows it. Errors: not_found when no
  // hierarchy has it; unavailable when there are no file descriptors left.
  static Result<CgroupDirectories> open(Hierarchies const& hierarchies, std::string const& path);

  // Where a controller's figures are: its v1 directory, else the unified one (whose files may lack
  // that controller all the same); nullptr when the container has no directory there.
  CgroupDirectory const* of(std::string_view controller) const;
  CgroupDirectory const* unified() const { return unified_ < 0 ? nullptr : at(unified_); }
  // Whether every hierarchy has it: runtimes make a container's directories one after the other.
  bool complete() const { return complete_; }
  // The one whose inode tells the container's life.
  CgroupDirectory const& main() const { return directories_.front(); }

 private:
  CgroupDirectory const* at(int index) const {
    return &directories_[static_cast<std::size_t>(index)];
  }

  static constexpr std::array<std::string_view, 6> controllers{"cpuacct", "cpu",   "cpuset",
                                                               "memory",  "blkio", "pids"};
  static constexpr std::int8_t none = -1, not_on_v1 = -2;

  std::vector<CgroupDirectory> directories_;
  std::array<std::int8_t, controllers.size()> v1_{};  // of each controller: its index, or none
  std::int8_t unified_ = none;
  bool complete_ = true;
};

}  // namespace dadvisor::agent
