#pragma once
// What a directory tree holds by the account of a project quota, which costs two system calls where
// a walk costs one for each file. Docker gives each layer a project on XFS and ext4 that are
// mounted with prjquota (--storage-opt size=).
//
// Source: FS_IOC_FSGETXATTR (a directory's project), quotactl(2) Q_XGETQUOTA, which tells of
// ext4 too. The second wants CAP_SYS_ADMIN: all but root walk. Any thread.

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/fs/tree_size.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

struct Project {
  dev_t device = 0;  // of the file system: numbers are its own
  std::uint32_t number = 0;
  auto operator<=>(Project const&) const = default;
};

// The project that all of the tree at `path` is charged to: its own, or that of the directory it
// lies in, as a layer's and a volume's content lie in theirs. nullopt where there is none or one
// that more than that directory has, such as all that the runtime keeps.
std::optional<Project> project_of(std::string const& path);

// What is charged to it: beside the tree's own what else lies in the directory of the layer, some
// small files of the runtime's. Errors: denied to all but root; unsupported or not_found where no
// quota is accounted.
Result<TreeSize> project_size(std::string const& path, Project const& project);

}  // namespace dadvisor::agent
