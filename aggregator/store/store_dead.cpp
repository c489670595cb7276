// How containers that are over leave memory, are found on disk, and live again.
//
// Behind a spill those without a row for long, and with none in memory, go to the catalogue's dead
// in one transaction with their leaving its living; then they leave the head, unless a row came
// meanwhile: that one stays, and with the next spill it is no dead one any more. So between the two
// it is in both places, and never in none. A batch that names a dead one brings it back first, with
// its number: late rows, a host that was away for long.

#include <algorithm>
#include <thread>

#include "aggregator/store/store_state.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t buried_at_once = 1024;  // entities of one transaction
constexpr auto polite = std::chrono::microseconds(200);
constexpr Nanoseconds crowded_step = std::chrono::hours(6);

std::string default_name(Entity const& entity) {
  auto const instance = entity.labels.find("instance");
  return instance ? std::string(*instance) : entity.key.container_id;
}

}  // namespace

// The catalogue for one question.
class Store::State::DeadReading {
 public:
  explicit DeadReading(State const& state) : state_(state) {
    ++state.waiting_reads_;
    lock_ = std::unique_lock(state.catalogue_mutex_);
    --state.waiting_reads_;
  }
  ~DeadReading() { state_.damaged_dead_ = state_.catalogue_.dead().damaged(); }
  DeadReading(DeadReading const&) = delete;
  DeadEntities* operator->() const { return &state_.catalogue_.dead(); }

 private:
  State const& state_;
  std::unique_lock<std::mutex> lock_;
};

// A mutex goes to whoever asks first, which is the one that just had it.
void Store::State::let_reads_in() const {
  while (waiting_reads_ > 0 && !job_stopping_) std::this_thread::sleep_for(polite);
}

std::shared_ptr<DeadGroups const> Store::State::dead_groups() const {
  static auto const none = std::make_shared<DeadGroups const>();
  if (dead_count_ == 0) return none;
  return DeadReading(*this)->groups();
}

Result<void> Store::State::dead_names(DeadQuery const& query, std::size_t& budget,
                                      DeadVisitor const& visit) const {
  return DeadReading(*this)->visit(query, budget, visit);
}

Result<EntityList> Store::State::dead(std::vector<EntityId> ids) const {
  std::ranges::sort(ids);
  auto const twice = std::ranges::unique(ids);
  ids.erase(twice.begin(), twice.end());
  EntityList found;
  std::shared_ptr<Tombstones const> tombstones;
  {
    std::lock_guard const lock(head_mutex_);
    tombstones = tombstones_;
  }
  DeadReading const reading(*this);
  for (EntityId const id : ids) {
    auto info = reading->read(id);
    if (!info) return info.error();
    if (*info && tombstones->clip(**info)) found.push_back(std::move(**info));
  }
  return found;
}

bool Store::State::is_dead(EntityId id) const {
  if (dead_count_ == 0) return false;
  auto const found = DeadReading(*this)->read(id);
  return !found || *found;  // what cannot be read is no reason to let rows go
}

Result<EntityList> Store::State::dead(std::span<DeadGroup const> groups, WallTime from,
                                      WallTime until, std::size_t limit) const {
  std::vector<EntityId> ids;
  DeadQuery query;
  query.from = tick_ns(from);
  query.until = tick_ns(until);
  for (DeadGroup const& group : groups) {
    if (group.last < query.from || group.first > query.until) continue;
    query.group = group.id;
    auto const done = dead_names(query, limit, [&](DeadName const& name) {
      ids.push_back(name.id);
      return true;
    });
    if (!done) return done.error();
  }
  return dead(std::move(ids));
}

Result<void> Store::State::bury_idle() {
  WallTime const cutoff = clock_.wall() - options_.dead_after;
  auto const& name_of = options_.name_of ? options_.name_of : default_name;
  EntityId last = 0;
  for (bool more = true; more;) {
    std::vector<CatalogueEntity> idle;
    while (more && idle.size() < buried_at_once) {
      std::lock_guard const lock(head_mutex_);
      more = head_.idle(last, buried_at_once, cutoff, idle);
    }
    if (idle.empty()) break;
    if (job_stopping_) return Error{Errc::gone, 0, "stopping"};
    {
      std::lock_guard const lock(catalogue_mutex_);
      if (auto done = catalogue_.bury(idle, name_of); !done) return done;
      dead_count_ = catalogue_.dead().size();
      latest_dead_start_ = catalogue_.dead().latest_start();
    }
    auto ids = [&] {
      std::lock_guard const lock(head_mutex_);
      return head_.bury(idle);
    }();
    buried_ += ids.size();
    if (observer_ != nullptr)
      post([this, ids = std::move(ids)]() mutable {
        {
          // A batch that waited in front of this may have brought some back.
          std::lock_guard const lock(head_mutex_);
          std::erase_if(ids, [&](EntityId id) { return head_.of_one_tick(id).has_value(); });
        }
        observer_->buried(ids);
      });
    let_reads_in();
  }
  return expire_dead();
}

// As the rows of its last tier, and of too many the oldest.
Result<void> Store::State::expire_dead() {
  WallTime const now = clock_.wall();
  WallTime const expired = entity_cutoff(EntityKind::container);
  WallTime const crowded = now - options_.crowded_retention;
  for (WallTime cutoff = expired;;) {
    if (job_stopping_) return {};
    bool const early = cutoff > expired;
    std::size_t const most =
        early ? std::min<std::size_t>(buried_at_once, dead_count_ - options_.most_dead)
              : buried_at_once;
    auto const ids = [&] {
      std::lock_guard const lock(catalogue_mutex_);
      return catalogue_.dead().older_than(tick_ns(cutoff), most);
    }();
    if (!ids) return ids.error();
    if (!ids->empty()) {
      if (auto done = forget_dead(*ids); !done) return done;
      if (early) crowded_out_ += ids->size();
      let_reads_in();
    } else if (cutoff >= crowded || dead_count_ <= options_.most_dead) {
      return {};
    } else {
      cutoff = std::min(crowded, cutoff + crowded_step);
    }
    if (cutoff > expired && dead_count_ <= options_.most_dead) return {};
  }
}

Result<void> Store::State::forget_dead(std::span<EntityId const> ids) {
  {
    std::lock_guard const lock(catalogue_mutex_);
    if (auto done = catalogue_.forget_dead(ids); !done) return done;
    dead_count_ = catalogue_.dead().size();
  }
  std::lock_guard const lock(head_mutex_);
  if (tombstones_->empty()) return {};
  auto left = std::make_shared<Tombstones>(*tombstones_);
  for (EntityId const id : ids)
    if (!head_.of_one_tick(id)) left->forget(id);
  tombstones_ = std::move(left);
  return {};
}

// Those of them that are dead.
void Store::State::find_dead(std::span<EntityKey const> keys,
                             std::vector<CatalogueEntity>& found) const {
  DeadReading const reading(*this);
  for (EntityKey const& key : keys) {
    auto its = reading->find(key);
    if (!its) {
      log_.error("{}; a container that was known may get another number", to_string(its.error()));
      return;
    }
    if (*its) found.push_back({std::move(**its), false, true});
  }
}

// With head_mutex_ held.
void Store::State::revive(std::vector<CatalogueEntity> dead) {
  for (CatalogueEntity& each : dead) {
    auto const id = each.info.id;
    auto const last = tick_ns(each.info.last_tick);
    head_.restore(std::move(each));
    head_.hide(id, tombstones_->hidden_until(id, last));
    ++revived_;
  }
}

// What Head::apply() does for containers that are still in memory. Behind it: one that leaves
// memory meanwhile is in the catalogue before.
void Store::State::mark_dead_first_rates(LateHost const& late, WallTime tick) {
  auto const begun = DeadReading(*this)->begun(late.host, tick_ns(tick), late.reach);
  if (!begun) {
    log_.error("{}; rates of containers that are over may stay as they are",
               to_string(begun.error()));
    return;
  }
  std::lock_guard const lock(head_mutex_);
  for (auto const& [id, first] : *begun)
    head_.mark_dirty(Tier::minute_instances, id, first, late.reach);
}

}  // namespace dadvisor::aggregator::store
