#pragma once
// How much CPU containers used that no figure of a container shows: those that came and went
// unseen, and the last moments of those whose end was not caught. It is what the cgroups that
// containers lie in (container_roots()) used, less what all containers that were seen used below
// them.
//
// A running task's counter moves in steps of up to a tick of the kernel, and files are read one
// after the other: the difference is good to some milliseconds a CPU, and is shown as a counter
// that never falls. Not thread-safe; part of the sampler.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/cgroup/hierarchies.hpp"
#include "agent/host/kernel_file.hpp"

namespace dadvisor::agent {

class UnaccountedCpu {
 public:
  // Which cgroups are compared from now on; one that was before stays while it is there.
  void follow(Hierarchies const& hierarchies, std::vector<std::string> const& roots);
  // `used` ns more were seen of a container. Only what lies below a root counts.
  void seen(std::string const& path, std::int64_t used);
  bool follows(std::string const& root) const { return roots_.contains(root); }
  // What a root has used by now, in ns; nothing where it is not followed, or gone.
  std::optional<std::int64_t> usage(std::string const& root, ReadBuffer& buffer);
  // After all containers of a tick were read.
  void read(ReadBuffer& buffer);
  // ns since the first root was followed; nothing where none ever was.
  std::optional<std::int64_t> total() const { return total_; }

 private:
  struct Root {
    KernelFile file;
    bool unified = false;
    std::optional<std::int64_t> last;
    std::int64_t seen = 0;    // below it since `last`
    std::int64_t behind = 0;  // what is not accounted for by now; below 0 within a reader's lag
  };
  static std::optional<std::int64_t> usage(Root& root, ReadBuffer& buffer);
  std::map<std::string, Root> roots_;  // by path
  std::optional<std::int64_t> total_;
};

}  // namespace dadvisor::agent
