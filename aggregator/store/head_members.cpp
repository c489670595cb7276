#include "aggregator/store/head_members.hpp"

namespace dadvisor::aggregator::store {

EntityInfo& HeadMember::edit() {
  // Only under the mutex does somebody come to share it.
  if (info.use_count() > 1) info = std::make_shared<EntityInfo>(*info);
  info->last_tick = last_tick;
  return *info;
}

EntityInfo HeadMember::known() const {
  EntityInfo its = *info;
  its.last_tick = last_tick;
  return its;
}

HeadMember& HeadMembers::insert(std::unique_ptr<HeadMember> made) {
  HeadMember& its = *made;
  its.kind = its.info->entity.key.kind;
  if (auto const known = by_key_.find(its.info->entity.key); known != by_key_.end())
    by_key_.erase(known);
  by_key_.insert(&its);
  looked_up_[its.info->id] = &its;
  // The next one has the greatest id, nearly always.
  by_id_.insert_or_assign(by_id_.end(), its.info->id, std::move(made));
  return its;
}

void HeadMembers::erase(EntityId id) {
  auto const at = by_id_.find(id);
  // A key that came back meanwhile belongs to another id.
  auto const key = by_key_.find(at->second->info->entity.key);
  if (key != by_key_.end() && *key == at->second.get()) by_key_.erase(key);
  looked_up_.erase(id);
  by_id_.erase(at);
}

}  // namespace dadvisor::aggregator::store
