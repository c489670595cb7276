#pragma once
// Counts what directory trees hold, in a thread of its own that gets the CPU and the disk only when
// nobody else wants them, each tree once in a while: by its project quota where it has one and we
// may ask, else by a walk. Nothing waits for it: what is not counted yet is absent.
//
// All but the thread's own work: the owner's thread. A tree on a network file system that hangs
// keeps the thread and nothing else.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/fs/tree_size.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::agent {

struct DiskWalkerOptions {
  Nanoseconds pace = std::chrono::minutes(5);  // of one tree, from one count to the next
  std::int64_t budget = 200'000;               // inodes of one count: some seconds of CPU
};

struct DiskWalkerCounters {
  std::uint64_t walks = 0;     // counts that came to an end
  std::uint64_t quotas = 0;    // of these by project quota
  std::uint64_t failures = 0;  // trees that could not be read at all
  std::uint64_t partial = 0;   // trees whose last count hit the budget
  double cpu_seconds = 0;      // of the thread
};

class DiskWalker {
 public:
  explicit DiskWalker(DiskWalkerOptions options);
  // Ends the count under way; waits for the thread, but for no more than a second.
  ~DiskWalker();
  DiskWalker(DiskWalker const&) = delete;
  DiskWalker& operator=(DiskWalker const&) = delete;

  // The trees to count from now on; new ones at once, others are forgotten.
  void want(std::set<std::string> const& paths);
  // As last counted.
  std::optional<TreeSize> size_of(std::string const& path) const;
  // Another number each time that a size may be another.
  std::uint64_t version() const;
  DiskWalkerCounters counters() const;

 private:
  struct State;
  static void run(std::shared_ptr<State> const& state);
  std::shared_ptr<State> state_;  // the thread has it too
};

}  // namespace dadvisor::agent
