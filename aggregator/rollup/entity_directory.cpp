#include "aggregator/rollup/entity_directory.hpp"

#include <algorithm>

namespace dadvisor::aggregator::rollup {

std::string label_of(Labels const& labels, std::string_view key, std::string_view otherwise) {
  for (auto const& [name, value] : labels)
    if (name == key && !value.empty()) return value;
  return std::string(otherwise);
}

EntityKey app_key(Entity const& container) {
  return {EntityKind::app, label_of(container.labels, "cluster", "default"),
          label_of(container.labels, "app", "unknown"), 0};
}

EntityDirectory::EntityDirectory(std::shared_ptr<store::EntityList const> list)
    : list_(std::move(list)) {
  for (store::EntityInfo const& info : *list_) {
    if (info.entity.key.kind == EntityKind::container)
      instances_[app_key(info.entity)].push_back(&info);
    else
      ids_[info.entity.key] = info.id;
  }
}

store::EntityInfo const* EntityDirectory::find(store::EntityId id) const {
  auto const found = std::ranges::lower_bound(*list_, id, {}, &store::EntityInfo::id);
  return found != list_->end() && found->id == id ? &*found : nullptr;
}

store::EntityId EntityDirectory::find(EntityKey const& key) const {
  auto const found = ids_.find(key);
  return found == ids_.end() ? store::absent_entity : found->second;
}

std::vector<store::EntityInfo> EntityDirectory::instances(EntityKey const& rolled_up) const {
  std::vector<store::EntityInfo> found;
  bool const total = rolled_up.kind == EntityKind::total;
  // A cluster's apps stand side by side, by name.
  auto its = instances_.lower_bound({EntityKind::app, rolled_up.host, rolled_up.container_id, 0});
  for (; its != instances_.end() && its->first.host == rolled_up.host; ++its) {
    if (!total && its->first != rolled_up) break;
    for (store::EntityInfo const* info : its->second) found.push_back(*info);
  }
  return found;
}

}  // namespace dadvisor::aggregator::rollup
