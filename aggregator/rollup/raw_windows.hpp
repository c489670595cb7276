#pragma once
// The hosts' windows around some ticks, read back from the store: for ticks that are no longer
// open, or whose rows did not arrive in order.

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "aggregator/rollup/host_ticks.hpp"
#include "aggregator/rollup/host_window.hpp"
#include "aggregator/store/spill_reads.hpp"
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

// Reads rows of instances back, with the figures that a live window would have of them.
class RawFigures {
 public:
  // Around `ticks`. `schema`: the metrics that are wanted, as rows of containers have them; those
  // outside have no figure.
  RawFigures(store::Store const& store, HostTicks& host_ticks, Schema const& schema,
             std::set<WallTime> const& ticks)
      : store_(store), host_ticks_(host_ticks), schema_(schema), plan_(schema), ticks_(ticks) {}

  // The ticks at which the host delivered are noted in `window`. Errors: of Store::scan.
  Result<void> read_host(RawHost const& host, HostWindow& window);
  // Visits the instance's rows, from as far before the first of the ticks as their figures reach
  // back on. `window`: of its host. Errors: of Store::scan.
  using Visitor = std::function<void(WallTime tick, Figures figures)>;
  Result<void> read(RawInstance const& instance, Nanoseconds step, HostWindow& window,
                    Visitor const& visit);
  std::size_t rows() const { return rows_; }  // that were read

 private:
  store::Store const& store_;
  HostTicks& host_ticks_;
  Schema const& schema_;
  FigurePlan const plan_;
  std::set<WallTime> const& ticks_;
  store::SpillReads reads_;
  std::size_t rows_ = 0;
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
