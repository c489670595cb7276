#pragma once
// The hosts' windows around some ticks, read back from the store: for ticks that are no longer
// open, or whose rows did not arrive in order.

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/rollup/host_window.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::rollup {

struct RawHost {
  std::string const* name = nullptr;
  store::EntityId entity = store::absent_entity;  // absent_entity: never seen a row of its own
  Nanoseconds step{};
};

struct RawInstance {
  store::EntityId entity = store::absent_entity;
  EntityKey const* key = nullptr;
  std::size_t host = 0;  // index into the hosts
};

struct RawWindows {
  std::vector<HostWindow> hosts;  // as the hosts that were asked for
  std::size_t rows = 0;           // read
};

// The windows of `app` for roll_up_app() at each of `ticks`. Errors: of Store::scan.
Result<RawWindows> read_windows(store::Store const& store, HostTicks& host_ticks,
                                std::span<RawHost const> hosts,
                                std::span<RawInstance const> instances, AppNumber app,
                                std::set<WallTime> const& ticks);

}  // namespace dadvisor::aggregator::rollup
