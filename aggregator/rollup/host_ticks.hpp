#pragma once
// At which ticks a host's agent delivered, read back from the store (its host entity has a row at
// each). A cache for the length of one piece of work: it never forgets and never looks again.
// Not thread-safe.

#include <map>
#include <optional>
#include <set>

#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::rollup {

class HostTicks {
 public:
  explicit HostTicks(store::Store const& store) : store_(store) {}

  // The host's ticks; those in [from, until] are all there, others may be.
  Result<std::set<WallTime> const*> between(store::EntityId host, WallTime from, WallTime until);
  // The last of them before `tick` and not before `from`.
  std::optional<WallTime> previous(store::EntityId host, WallTime from, WallTime tick);

 private:
  struct Known {
    WallTime from{}, until{};
    std::set<WallTime> ticks;
  };
  store::Store const& store_;
  std::map<store::EntityId, Known> known_;
};

}  // namespace dadvisor::aggregator::rollup
