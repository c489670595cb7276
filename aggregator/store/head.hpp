#pragma once
// All entities, and the rows that are not spilled yet.
//
// An entity gets its id when its first row comes; the id is the catalogue's from the next spill
// on. Not thread-safe: the store guards it by one mutex, whose holders stay short (a batch, the
// snapshot of one entity, some dozens of entities at a spill).

#include <array>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/dirty_ranges.hpp"
#include "aggregator/store/head_members.hpp"
#include "aggregator/store/head_rows.hpp"
#include "aggregator/store/store.hpp"
#include "aggregator/store/tail.hpp"

namespace dadvisor::aggregator::store {

// A host of which a batch has a late row.
struct LateHost {
  std::string host;
  TickNs reach;  // until here its containers' first rates may change
};

class Head {
 public:
  explicit Head(EntityId next_id, TierPlans const& tiers = {});
  // From the catalogue: before all else those that live, and later those that are found to live
  // again.
  void restore(CatalogueEntity entity);
  // Containers of the batch that are not known and began no later than `latest_start`.
  std::vector<EntityKey> unknown(Batch const& batch, std::int64_t latest_start) const;
  // The host of which the batch has a late row: apply() then marks the windows with the first rates
  // of its containers that are here, those that begin in (batch.tick, reach].
  std::optional<LateHost> late_host(Batch const& batch) const;

  // ids[i]: the entity of batch.rows[i], absent_entity when it was not applied.
  void apply(Batch const& batch, std::vector<EntityId>& ids);
  EntityId put(EntityKey const& key, Labels const& labels, WallTime tick, Nanoseconds step,
               Schema const& schema, Cells const& cells);

  // What a query takes away of each of these, at most HeadRows::most, to be decoded without the
  // lock. As many at a time as keep the memory of the next ones on its way.
  void snapshot(std::span<EntityId const> ids, Selection const& selection, TickNs from,
                TickNs until, std::span<HeadRows> out) const;
  // Of the entity's rows; nothing: no such entity.
  std::optional<OfOneTick> of_one_tick(EntityId id) const;
  EntityPtr find(EntityId id) const;  // null: no such entity
  // Appends up to `limit` entities with ids after `after`; false when that were the last.
  bool list(EntityId after, std::size_t limit, EntityList& out) const;

  // For a spill, in this order, some entities at a time. changes(): what the catalogue does not
  // have yet, and the ids that have rows up to `until`, of entities after `last`, which becomes
  // the last one that was looked at; false when there are no more.
  bool changes(EntityId& last, std::size_t limit, TickNs until, CatalogueChange& change,
               std::vector<EntityId>& spilling);
  std::vector<PackedBlock> freeze(EntityId id, TickNs until);
  void release(EntityId id, std::span<PackedBlock const> blocks);
  // Rows that come for ticks before `until` leave their entities dirty in their first tier.
  void mark_before(Tier tier, TickNs until);
  void mark_dirty(Tier tier, EntityId id, TickNs from, TickNs until);
  DirtyRanges& dirty(Tier tier) { return dirty_[static_cast<std::size_t>(tier)]; }
  DirtyRanges const& dirty(Tier tier) const { return dirty_[static_cast<std::size_t>(tier)]; }

  // What the catalogue is to know of these, as it is now; none of those that are not there.
  std::vector<CatalogueEntity> known(std::span<EntityId const> ids) const;
  // The entity of this key, made if need be, has these times and columns too, and this step if it
  // had none; the generation rises when something is new. What is known of it then.
  EntityInfo extend(EntityInfo const& with);
  // The entity's rows up to here are deleted: when one comes behind it, it is seen again.
  void hide(EntityId id, TickNs until);
  // It has had no value of these columns up to the ticks beside them; one behind them is a new one.
  void hide_columns(EntityId id, std::span<std::pair<MetricId, TickNs> const> columns);

  // The catalogue did not take a change: it is due again.
  void unsaved(CatalogueChange const& change);
  // Takes out the entities whose last row is before cutoff(kind), and returns their ids.
  std::vector<EntityId> expire(std::function<WallTime(EntityKind)> const& cutoff);

  // Containers without rows here whose last tick is before `cutoff`, at most `limit`, of entities
  // after `last`, which becomes the last that was looked at; false when there are no more.
  bool idle(EntityId& last, std::size_t limit, WallTime cutoff,
            std::vector<CatalogueEntity>& found) const;
  // Takes out those of them that got no row since, and returns their ids; the catalogue has all of
  // them among the dead.
  std::vector<EntityId> bury(std::span<CatalogueEntity const> entities);

  bool has_until(TickNs until) const;
  // Rises when anything but last_tick of an entity changed; generation: see Store::entities().
  std::uint64_t version() const { return version_; }
  std::uint64_t generation() const { return generation_; }
  EntityId next_id() const { return next_id_; }
  std::size_t entities() const { return members_.by_id().size(); }
  std::size_t rows() const { return rows_; }
  std::uint64_t applied_rows() const { return applied_rows_; }
  std::uint64_t duplicate_rows() const { return duplicate_rows_; }

 private:
  using Member = HeadMember;
  // Slots of a stream's last batch, so that the next one finds its entities without a search: for
  // the same list of entities nothing is to be looked up at all. Null: an entity that had no row.
  struct Slots {
    SlotEntities of;
    std::vector<std::pair<std::uint32_t, Member*>> members;
    bool foreign_hosts = false;   // whether some are of another host than the stream's
    std::vector<Schema> schemas;  // of its last batch
    std::vector<std::shared_ptr<SchemaShape const>> shapes;  // of these
  };

  static void expect(Member const& member);  // a hint that it gets a row
  static void expect(Cells const& cells);
  Member& member(Entity const& entity, bool derived);
  void resolve(Batch const& batch, Slots& slots);
  void relabel(Member& member, Entity const& entity);
  std::shared_ptr<SchemaShape const> shape(Schema const& schema);
  bool is_hidden(EntityId id, MetricId column, TickNs tick) const;
  void mark_first_rates(std::string const& host, WallTime tick, Nanoseconds step);
  bool add(Member& member, WallTime tick, Nanoseconds step,
           std::shared_ptr<SchemaShape const> const& shape, Cells const& cells);

  EntityId next_id_;
  HeadMembers members_;
  std::map<StreamId, Slots> slots_;
  std::map<std::pair<EntityId, MetricId>, TickNs> hidden_columns_;  // up to which tick
  std::map<std::vector<MetricId>, std::shared_ptr<SchemaShape const>> shapes_;
  std::vector<DirtyRanges> dirty_;                      // by tier
  std::array<TickNs, all_tiers.size()> mark_before_{};  // by tier
  std::uint64_t version_ = 1, generation_ = 1;
  std::uint64_t applied_rows_ = 0, duplicate_rows_ = 0;
  std::size_t rows_ = 0;
  ColumnTable packing_;  // scratch
};

}  // namespace dadvisor::aggregator::store
