#pragma once
// What is asked of entities that are on disk alone (dead_entities.hpp). Values.

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/entity_list.hpp"
#include "aggregator/store/rows.hpp"

namespace dadvisor::aggregator::store {

// Containers with the same labels cluster, app and owner, raw; "" where one has none.
struct DeadGroup {
  std::uint32_t id = 0;
  std::string cluster, app, owner;
  TickNs first = 0, last = 0;  // no row of any of them is before or behind
  std::uint64_t entities = 0;
};

// By cluster, app and owner. Constant.
class DeadGroups {
 public:
  DeadGroups() = default;
  explicit DeadGroups(std::vector<DeadGroup> groups);
  std::span<DeadGroup const> all() const { return groups_; }
  // Those of an app, whatever their owner.
  std::span<DeadGroup const> of_app(std::string_view cluster, std::string_view app) const;

 private:
  std::vector<DeadGroup> groups_;
};

// Those of one group whose rows may lie in [from, until], and whose name begins with `prefix`.
struct DeadQuery {
  std::uint32_t group = 0;
  TickNs from = std::numeric_limits<TickNs>::min();
  TickNs until = std::numeric_limits<TickNs>::max();
  std::string prefix;
  bool exact = false;  // the name is the prefix
};

// One that was found; views last until the next.
struct DeadName {
  EntityId id = 0;
  std::string_view name;
  TickNs first = 0, last = 0;
  std::vector<MetricId> const& columns;
};
using DeadVisitor = std::function<bool(DeadName const&)>;

}  // namespace dadvisor::aggregator::store
