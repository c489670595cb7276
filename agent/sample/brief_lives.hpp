#pragma once
// Containers as the cgroup tree shows them between two ticks: those that were made and are no life
// of the sampler yet, with a reader opened when they got their first process and what was read
// when the last one ended. Most become lives at the next tick; those that ended before it are
// brief lives, of which this is all that will ever be known.
// Not thread-safe; part of the sampler.

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "agent/cgroup/cgroup_reader.hpp"
#include "agent/cgroup/cgroup_watch.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::agent {

// A container's counters when a process of it ended that may have been its last.
struct LastReading {
  CgroupReading figures;
  WallTime at{};
};

struct BriefLife {
  FoundContainer found;
  WallTime begun{};
  std::optional<CgroupReader> reader;  // none where no file could be opened
  std::optional<LastReading> last;
  std::optional<MonotonicTime> removed;   // since when its cgroup is away
  bool missed = false;                    // removed before its last figures could be read
  std::optional<std::int64_t> cpu_usage;  // ns, at the last glance
  MonotonicTime since{}, glance_due{}, looked{};
  Nanoseconds pause{};        // in front of glance_due
  std::int64_t cpu_seen = 0;  // ns of CPU that cpu.unaccounted knows to be its
};

class BriefLives final : public CgroupWatch::Listener {
 public:
  // What it needs of the sampler.
  struct Sampling {
    Clock const& clock;
    Hierarchies const* hierarchies = nullptr;  // none: nothing is opened
    HostFacts facts;
    ReadBuffer& buffer;
    // Of a container that is the sampler's already: it takes the last reading itself.
    std::function<void(FoundContainer const&)> ending_life;
    std::function<bool(FoundContainer const&)> is_life;
    // Whether its parent's counter tells what it used if its end is missed.
    std::function<bool(FoundContainer const&)> told_by_parent;
    // A brief life began; it ended, having used so many ns of CPU; a life's cgroup was removed.
    std::function<void(FoundContainer const&)> began;
    std::function<void(FoundContainer const&, std::int64_t)> ended;
    std::function<void(FoundContainer const&)> removed_life;
  };
  explicit BriefLives(Sampling sampling) : sampling_(std::move(sampling)) {}

  void populated(FoundContainer const& container, bool made) override;
  void ending(FoundContainer const& container) override;
  void removed(FoundContainer const& container) override;

  void set(Hierarchies const* hierarchies, HostFacts const& facts) {
    sampling_.hierarchies = hierarchies;
    sampling_.facts = facts;
  }
  // What reads the cgroup that is at a path now; nullptr where it was not opened, or not in every
  // hierarchy. As long as its brief life.
  CgroupReader const* reader_of(std::string const& path) const;
  // The one with that cgroup, taken out: it is a life from now on.
  std::optional<BriefLife> take(std::string const& path, std::uint64_t inode);
  // Reads the CPU time of those that live and were not looked at for a tenth of their age (at
  // least 20 ms, so that a container costs some fifty looks in ten seconds): what is known of one
  // whose end is missed, as it was removed before its process's end was told. Where the parent's
  // counter will tell of that, for half of their age (some fifteen looks): it settles then how much
  // of the sum is whose, should several be missed together. How long until the next is due; nothing
  // when none lives.
  std::optional<Nanoseconds> glance();
  // By when they began; ends included.
  std::list<BriefLife>& all() { return lives_; }
  // Those of all() that are `missed`, since the last call.
  std::size_t take_missed() { return std::exchange(missed_, 0); }
  // Beyond what is kept, since the last call: each was a container with no row of its own.
  std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }

  // The counters now, by `reader`; opened anew where runtimes made its directories since.
  static LastReading read_last(CgroupReader& reader, Sampling const& sampling,
                               std::string const& path);
  Sampling const& sampling() const { return sampling_; }

 private:
  std::list<BriefLife>::iterator find(std::string const& path, std::uint64_t inode);

  Sampling sampling_;
  std::list<BriefLife> lives_;
  std::size_t missed_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace dadvisor::agent
