#pragma once
// Where this host's cgroup hierarchies are mounted: v1 (a mount per controller, or several
// controllers on one), v2 (one tree), or hybrid. In hybrid mode a controller is on exactly one of
// them, and runc makes each container's directory in the unified tree too: pressure and cpu.stat
// are there even while v1 has the controllers.
//
// Source: /proc/self/mountinfo, so odd places (CentOS 6: /cgroup/cpu) need no setting. libcgroup
// is asked as well on the live system, by a child process: of several mounts of one controller its
// choice is taken, and it stands in when mountinfo cannot be read.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::agent {

struct CgroupMount {
  std::string point;  // directory, as this process sees it
  std::string root;   // which cgroup is shown there: "/" unless in a cgroup namespace or bind mount
  bool unified = false;                  // cgroup2
  std::vector<std::string> controllers;  // of v1: "cpu", "cpuacct", "name=systemd", ...
  bool operator==(CgroupMount const&) const = default;
};

enum class CgroupMode { none, v1, v2, hybrid };
char const* to_string(CgroupMode mode);

struct HierarchyOptions {
  std::string proc_root = "/proc";
  // Put before every mount point: "" on a real host, a directory for fixture trees.
  std::string mount_prefix;
  bool ask_libcgroup = true;  // only ever done with an empty prefix
};

class Hierarchies {
 public:
  // Of the mounts given; the first of each controller counts, one whose root is "/" before others.
  explicit Hierarchies(std::vector<CgroupMount> const& mounts);

  // Errors: unsupported when no cgroup file system is mounted.
  static Result<Hierarchies> discover(HierarchyOptions const& options);

  CgroupMode mode() const;
  // The v1 mount of a controller; nullptr when it is not on v1.
  CgroupMount const* v1(std::string_view controller) const;
  CgroupMount const* unified() const { return unified_ ? &*unified_ : nullptr; }
  // The tree that containers are looked for in: v2's own, else v1's cpuacct, memory, ...
  CgroupMount const* walked() const;
  // Its controller as /proc/PID/cgroup names it; empty for the unified tree.
  std::string walked_controller() const;

 private:
  std::map<std::string, CgroupMount, std::less<>> v1_;
  std::optional<CgroupMount> unified_;
};

// The cgroup mounts in the text of a mountinfo file (proc(5)), in its order; octal escapes undone.
std::vector<CgroupMount> scan_mountinfo(std::string_view text);

}  // namespace dadvisor::agent
