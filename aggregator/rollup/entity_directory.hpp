#pragma once
// Who belongs to whom in one list of the store's entities: containers to their host and app. Made
// for one piece of work; constant.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::rollup {

// The value of a label, or what stands in for it when it is missing or empty.
std::string label_of(Labels const& labels, std::string_view key, std::string_view otherwise);
// The app that a container counts for.
EntityKey app_key(Entity const& container);

// Ends the visit by an error, which is passed on.
using InstanceVisitor = std::function<Result<void>(store::EntityInfo const&)>;
// The instances of an app or of a cluster that are over and left the store's memory, whose rows may
// lie in [from, until]; of many some are in memory at a time. Errors: of Store::dead(), of visit().
Result<void> visit_dead_instances(store::Store const& store, EntityKey const& rolled_up,
                                  WallTime from, WallTime until, InstanceVisitor const& visit);
// The same behind those of `living`, which are not visited twice.
Result<void> visit_instances(store::EntityList const& living, store::Store const& store,
                             EntityKey const& rolled_up, WallTime from, WallTime until,
                             InstanceVisitor const& visit);
// The store's entities, and of the dead ones those whose rows may lie in [from, until]: by id
// ascending. Errors: of Store::dead().
Result<std::shared_ptr<store::EntityList const>> entities_between(store::Store const& store,
                                                                  WallTime from, WallTime until);

class EntityDirectory {
 public:
  explicit EntityDirectory(std::shared_ptr<store::EntityList const> list);

  store::EntityList const& list() const { return *list_; }
  store::EntityInfo const* find(store::EntityId id) const;         // nullptr: none
  store::EntityId find(EntityKey const& host_or_rolled_up) const;  // absent_entity: none
  store::EntityId host_of(EntityKey const& container) const {
    return find(EntityKey{EntityKind::host, container.host, {}, 0});
  }
  // Of an app, or of all apps of a cluster (a total's key).
  store::EntityList instances(EntityKey const& rolled_up) const;

 private:
  std::shared_ptr<store::EntityList const> list_;
  std::map<EntityKey, store::EntityId> ids_;  // of hosts, apps, totals
  std::map<EntityKey, std::vector<store::EntityPtr>> instances_;
};

}  // namespace dadvisor::aggregator::rollup
