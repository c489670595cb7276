#include "agent/fs/project_quota.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/core/fd.hpp"

namespace dadvisor::agent {

namespace {

constexpr int quotactl_fd_number = 443;    // on every machine; from Linux 5.14 on
constexpr std::int64_t quota_block = 512;  // of d_bcount

Result<Fd> open_tree(std::string const& path) {
  return open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
}

// 0 is what everything is charged to that has no project. `inherited`: what is made in it gets it
// too.
struct Charged {
  Project to;
  bool inherited = false;
};
std::optional<Charged> charged(std::string const& path) {
  auto const directory = open_tree(path);
  if (!directory) return std::nullopt;
  struct stat of {};
  fsxattr attributes{};
  if (::fstat(directory->get(), &of) != 0 ||
      ::ioctl(directory->get(), FS_IOC_FSGETXATTR, &attributes) != 0)
    return std::nullopt;
  return Charged{{of.st_dev, attributes.fsx_projid},
                 (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0};
}

}  // namespace

std::optional<Project> project_of(std::string const& path) {
  auto const own = charged(path);
  if (!own || own->to.number == 0 || !own->inherited) return std::nullopt;
  std::filesystem::path at(path);
  if (!at.is_absolute() || at.parent_path() == at) return std::nullopt;
  at = at.parent_path();
  auto above = charged(at.string());
  if (above && above->to == own->to && at.parent_path() != at)
    above = charged(at.parent_path().string());
  // Who cannot look there does not know who else is charged.
  if (!above || above->to == own->to) return std::nullopt;
  return own->to;
}

Result<TreeSize> project_size(std::string const& path, Project const& project) {
  auto const directory = open_tree(path);
  if (!directory) return directory.error();
  fs_disk_quota quota{};
  int const command = QCMD(Q_XGETQUOTA, PRJQUOTA);
  auto done = ::syscall(quotactl_fd_number, directory->get(), command, project.number, &quota);
  if (done != 0 && errno == ENOSYS) {
    auto const device =
        fmt::format("/dev/block/{}:{}", major(project.device), minor(project.device));
    done = ::syscall(SYS_quotactl, command, device.c_str(), project.number, &quota);
  }
  if (done != 0) return os_error(errno, path);
  if (quota.d_id != project.number || (quota.d_flags & FS_PROJ_QUOTA) == 0)
    return Error{Errc::malformed, 0, path + ": another project's quota"};
  TreeSize size;
  size.bytes = static_cast<std::int64_t>(quota.d_bcount) * quota_block;
  size.inodes = static_cast<std::int64_t>(quota.d_icount);
  return size;
}

}  // namespace dadvisor::agent
