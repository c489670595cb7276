#include "tests/bench/recorded_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace dadvisor::bench {
namespace {

class RecordedHost final : public HostFigures {
 public:
  RecordedHost(WorkloadOptions const& options, unsigned number)
      : options_(options), number_(number), name_(host_name(number)) {}

  void fill(Batch& batch) override {
    auto const& ticks = options_.recording->ticks();
    if (next_ == ticks.size()) {
      next_ = 0;
      ++round_;
      entities_.clear();
      was_ = {};
    }
    Batch const& was = ticks[next_++];
    batch.schemas = was.schemas;
    batch.rows = was.rows;
    if (!was.entities.is(was_)) {
      was_ = was.entities;
      SlotEntities::List list;
      for (SlotEntity const& each : was_) list.push_back({each.slot, renamed(each)});
      made_ = std::move(list);
    }
    batch.entities = made_;
  }

 private:
  Entity const& renamed(SlotEntity const& was) {
    auto const [place, added] = entities_.try_emplace(was.entity.key);
    if (!added) return place->second;
    auto& entity = place->second;
    entity = was.entity;
    entity.key.host = name_;
    if (entity.key.kind != EntityKind::host) rename_container(entity, was.slot);
    auto const replace = [&](std::string_view label, std::string const& value) {
      if (entity.labels.find(label)) entity.labels = entity.labels.with(label, value);
    };
    replace("host", name_);
    replace("cluster", "bench");
    if (entity.key.kind != EntityKind::container) return entity;
    replace("app", app_name((number_ * options_.containers + was.slot - 1) % apps_of(options_)));
    replace("instance", fmt::format("{}-{}", number_, was.slot));
    return entity;
  }
  void rename_container(Entity& entity, std::uint32_t slot) const {
    Dice dice(mix(mix(number_, round_), slot));
    for (std::size_t at = 0; at + 16 <= entity.key.container_id.size(); at += 16)
      entity.key.container_id.replace(at, 16, fmt::format("{:016x}", dice.next()));
  }

  WorkloadOptions options_;
  unsigned number_;
  std::string name_;
  std::size_t next_ = 0;     // tick of the recording
  std::uint64_t round_ = 0;  // through it
  std::map<EntityKey, Entity> entities_;
  SlotEntities was_, made_;  // of the tick before: the recorded ones and ours
};

}  // namespace

std::unique_ptr<HostFigures> recorded_host(WorkloadOptions const& options, unsigned number) {
  return std::make_unique<RecordedHost>(options, number);
}

}  // namespace dadvisor::bench
