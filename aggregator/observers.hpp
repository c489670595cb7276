#pragma once
// Several observers of one store, each told of every batch of an agent in turn. Made once; the
// store's thread.

#include <utility>
#include <vector>

#include "aggregator/store/store.hpp"
#include "common/core/foreign.hpp"

namespace dadvisor::aggregator {

class Observers final : public store::Observer {
 public:
  // They must outlive it.
  explicit Observers(std::vector<store::Observer*> all) : all_(std::move(all)) {}
  void applied(Batch const& batch, std::span<store::EntityId const> ids) override {
    if (is_foreign(batch.stream)) return;
    for (auto* const one : all_) one->applied(batch, ids);
  }
  void buried(std::span<store::EntityId const> ids) override {
    for (auto* const one : all_) one->buried(ids);
  }
  std::vector<store::DirtyKey> unfinished() const override {
    std::vector<store::DirtyKey> all;
    for (auto const* const one : all_)
      for (store::DirtyKey& key : one->unfinished()) all.push_back(std::move(key));
    return all;
  }

 private:
  std::vector<store::Observer*> const all_;
};

}  // namespace dadvisor::aggregator
