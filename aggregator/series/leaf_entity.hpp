#pragma once
// What of an entity is looked at before its rows are read. A value; as long as its list lives.

#include "aggregator/store/entity_list.hpp"

namespace dadvisor::aggregator::series {

struct LeafEntity {
  LeafEntity() = default;
  // Not of a temporary: it is looked into later.
  LeafEntity(store::EntityInfo const& its)  // as which it is passed on
      : info(&its),
        id(its.id),
        kind(its.entity.key.kind),
        step(its.step),
        first_tick(its.first_tick),
        start_ns(its.entity.key.start_ns) {}
  LeafEntity(store::EntityInfo&&) = delete;

  store::EntityInfo const* info = nullptr;
  store::EntityId id = 0;
  EntityKind kind = EntityKind::host;
  Nanoseconds step{};
  WallTime first_tick{};
  std::int64_t start_ns = 0;
};

}  // namespace dadvisor::aggregator::series
