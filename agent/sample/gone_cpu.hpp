#pragma once
// What a parent cgroup's CPU counter holds of containers that are gone: what one used whose last
// figures could not be read, since whoever reaped its process removed its cgroup at once. The
// kernel charges a cgroup and all above it in the same moment (account_group_exec_runtime() and
// cgroup_account_cputime() in kernel/sched), so parent - living - gone is what the one that is
// missing has used in all its life.
//
// Plain numbers; who reads them must take those of one moment. Not thread-safe; part of the
// sampler.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace dadvisor::agent {

class GoneCpu {
 public:
  // ns of CPU of one moment: a parent's counter, and the sum of those of the containers that are
  // below it.
  struct Sums {
    std::int64_t parent = 0;
    std::int64_t living = 0;
  };
  // From now on; what was used by others than the living until now is of no interest.
  void begin(std::string const& parent, Sums const& now) {
    gone_[parent] = now.parent - now.living;
  }
  void drop(std::string const& parent) { gone_.erase(parent); }
  bool follows(std::string const& parent) const { return gone_.contains(parent); }
  // One is not among the living any more that used so much in all its life.
  void ended(std::string const& parent, std::int64_t used) {
    if (auto const one = gone_.find(parent); one != gone_.end()) one->second += used;
  }
  // What those have used in all their lives that have left the living and were not told by ended().
  std::optional<std::int64_t> missing(std::string const& parent, Sums const& now) const {
    auto const one = gone_.find(parent);
    if (one == gone_.end()) return std::nullopt;
    return now.parent - now.living - one->second;
  }

 private:
  std::map<std::string, std::int64_t> gone_;
};

}  // namespace dadvisor::agent
