#pragma once
// One container's directories, one per hierarchy. Files are opened by path once and kept; what is
// opened anew later (slow pace, limits of the cgroups above) goes through the directory's inode,
// so that a namesake made after its removal is never read.

#include <cstdint>
#include <map>
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

  // A file in it to keep; absent is no error.
  Result<KernelFile> file(char const* name, Records records = Records::one) const {
    return KernelFile::open(path + "/" + name, records);
  }
  // Reads a file in it (`up` = 0) or in the cgroup `up` levels above, now, without keeping it.
  // Empty when there is no such file. Errors: gone when the directory is another one by now.
  Result<std::string_view> read(int up, char const* name, ReadBuffer& buffer) const;
  // Whether the path still leads to the directory that was opened.
  bool same() const;
};

class CgroupDirectories {
 public:
  // `path` below every hierarchy's root, as /proc/PID/cgroup shows it. Errors: not_found when no
  // hierarchy has it.
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

  std::vector<CgroupDirectory> directories_;
  std::map<std::string, int, std::less<>> v1_;  // a controller that v1 has -> its index, or -1
  int unified_ = -1;
  bool complete_ = true;
};

}  // namespace dadvisor::agent
