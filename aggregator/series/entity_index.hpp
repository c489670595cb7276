#pragma once
// What indexes of the store's entities have in common: each follows the store's list by what
// differs from the one before. Any thread: who reads what an index made of the list shares its
// lock.

#include <memory>
#include <mutex>
#include <shared_mutex>

#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::series {

class EntityIndex {
 public:
  virtual ~EntityIndex() = default;
  // Brings the index to what `list` says; the same list again costs nothing.
  void follow(std::shared_ptr<store::EntityList const> const& list);

 protected:
  std::shared_lock<std::shared_mutex> share() const { return std::shared_lock(mutex_); }
  std::shared_ptr<store::EntityList const> const& list() const { return list_; }

 private:
  // Under the lock: what went, and what came; both, in that order, for what is another now. Behind
  // all of them changed().
  virtual void remove(store::EntityInfo const& info) = 0;
  virtual void add(store::EntityPtr const& info) = 0;
  virtual void changed() {}

  mutable std::shared_mutex mutex_;
  std::shared_ptr<store::EntityList const> list_;
};

}  // namespace dadvisor::aggregator::series
