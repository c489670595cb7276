#pragma once
// Who the head knows: its entities by id and by key, each with its rows that are not spilled yet.
// Not thread-safe; the head owns it. Whoever keeps a pointer forgets it when the entity is erased.

#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/store.hpp"
#include "aggregator/store/tail.hpp"

namespace dadvisor::aggregator::store {

struct HeadMember {
  std::shared_ptr<EntityInfo> info;  // shared with lists, which see it never change
  WallTime last_tick{};              // where that of `info` may be an older one
  EntityKind kind{};  // that of its key, for who does not look into `info`: insert() sets it
  bool derived = false;
  bool changed = true;    // since the catalogue was told
  bool was_dead = false;  // when it was told last
  EntityInfo& edit();     // its own one, with this last_tick
  EntityInfo known() const;
  TickNs hidden_until = std::numeric_limits<TickNs>::min();
  OfOneTick of_one_tick() const {
    if (derived) return OfOneTick::newest;
    return kind == EntityKind::foreign ? OfOneTick::cells : OfOneTick::first;
  }
  Tail tail;
};

class HeadMembers {
 public:
  // Null: there is none.
  HeadMember* find(EntityId id) const {
    auto const found = looked_up_.find(id);
    return found == looked_up_.end() ? nullptr : found->second;
  }
  HeadMember* find(EntityKey const& key) const {
    auto const found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : *found;
  }
  // Its key is its own from now on, whose ever it was.
  HeadMember& insert(std::unique_ptr<HeadMember> made);
  void erase(EntityId id);  // it must be there

  // All of them in order; the members, not the order, are the caller's to change.
  auto const& by_id() const { return by_id_; }
  // visit(member) for the containers of a host.
  template <typename Visit>
  void visit_containers(std::string const& host, Visit const& visit) const {
    for (auto at = by_key_.lower_bound(EntityKey{EntityKind::container, host, {}, 0});
         at != by_key_.end(); ++at) {
      EntityKey const& key = (*at)->info->entity.key;
      if (key.kind != EntityKind::container || key.host != host) break;
      visit(**at);
    }
  }

 private:
  struct ByKey {
    using is_transparent = void;
    static EntityKey const& key_of(HeadMember const* member) { return member->info->entity.key; }
    static EntityKey const& key_of(EntityKey const& key) { return key; }
    bool operator()(auto const& a, auto const& b) const { return key_of(a) < key_of(b); }
  };

  // A spill goes over all of them by id, some at a time, while others come and go; a query looks up
  // thousands of them, which of a hash takes a tenth of the time.
  std::map<EntityId, std::unique_ptr<HeadMember>> by_id_;
  std::unordered_map<EntityId, HeadMember*> looked_up_;
  // Ordered, not hashed: keys come from outside, and no choice of names can make this slow.
  std::set<HeadMember*, ByKey> by_key_;
};

}  // namespace dadvisor::aggregator::store
