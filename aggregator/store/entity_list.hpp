#pragma once
// What the store knows of an entity, and lists of that. A description never changes once it is in
// a list: lists, indexes and the store itself share it, and what changed is another one. Values;
// as thread-safe as a std::vector.

#include <boost/iterator/indirect_iterator.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

using EntityId = std::uint32_t;  // given once, kept in the catalogue, never used again

struct EntityInfo {
  EntityId id = 0;
  Entity entity;
  WallTime first_tick{};          // of the rows that are still held
  WallTime last_tick{};           // or an older one: a tick more makes no other description
  Nanoseconds step{};             // of its newest rows
  std::vector<MetricId> columns;  // that ever held a value, ascending
};
using EntityPtr = std::shared_ptr<EntityInfo const>;

// Its elements are EntityInfo; of a store's list by id ascending.
class EntityList {
 public:
  using value_type = EntityInfo;
  using const_iterator = boost::indirect_iterator<std::vector<EntityPtr>::const_iterator>;
  using iterator = const_iterator;
  using const_reference = EntityInfo const&;
  using size_type = std::size_t;

  EntityList() = default;
  EntityList(std::initializer_list<EntityInfo> infos) {
    for (EntityInfo const& info : infos) push_back(info);
  }

  const_iterator begin() const { return pointers_.begin(); }
  const_iterator end() const { return pointers_.end(); }
  std::size_t size() const { return pointers_.size(); }
  bool empty() const { return pointers_.empty(); }
  EntityInfo const& operator[](std::size_t at) const { return *pointers_[at]; }
  EntityInfo const& at(std::size_t at) const { return *pointers_.at(at); }
  EntityInfo const& front() const { return *pointers_.front(); }
  EntityInfo const& back() const { return *pointers_.back(); }

  void reserve(std::size_t size) { pointers_.reserve(size); }
  void push_back(EntityPtr info) { pointers_.push_back(std::move(info)); }
  void push_back(EntityInfo info) {
    pointers_.push_back(std::make_shared<EntityInfo const>(std::move(info)));
  }
  // The elements as who shares them has them.
  std::vector<EntityPtr>& pointers() { return pointers_; }
  std::vector<EntityPtr> const& pointers() const { return pointers_; }

 private:
  std::vector<EntityPtr> pointers_;
};

}  // namespace dadvisor::aggregator::store
