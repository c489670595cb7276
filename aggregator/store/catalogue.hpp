#pragma once
// What must outlive the log: entities with their ids, and how far each stream is. Entities that are
// over stand in tables of their own, which are not loaded (dead_entities.hpp). One SQLite
// database (WAL, synchronous FULL), opened exclusively, so that two aggregators never share a
// store. SQLite keeps its own files: it does not go through the Disk seam. Not thread-safe; used
// by open(), then under the store's lock.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aggregator/store/dead_entities.hpp"
#include "aggregator/store/store.hpp"

struct sqlite3;

namespace dadvisor::aggregator::store {

struct CatalogueEntity {
  EntityInfo info;
  bool derived = false;   // its rows come by put()
  bool was_dead = false;  // when it was last saved
};

// What one transaction saves.
struct DirtyTier {
  Tier tier = Tier::minute;
  DirtyRange range;
};

struct CatalogueChange {
  EntityId next_entity = 0;  // ids from here on were never given
  std::vector<CatalogueEntity> entities;
  std::vector<EntityId> gone;
  std::vector<StreamMark> marks;
  // All that there are: these replace what was saved.
  std::vector<DirtyTier> dirty;
  std::vector<DirtyKey> unfinished;
};

// Entities go with what is said of them: after a crash their numbers are the same.
struct CatalogueDeletion {
  EntityId next_entity = 0;
  std::vector<CatalogueEntity> entities;
  std::vector<Tombstone> tombstones;
  std::optional<AuditEntry> audit;
};

class Catalogue {
 public:
  // Opens or makes the database. Errors: conflict (another process holds it), io, malformed (it is
  // damaged), unsupported (a newer program's).
  static Result<Catalogue> open(std::string const& path);

  // Everything that was saved; entities by id ascending. Rows that are damaged are left out and
  // counted. Errors: malformed (the file as a whole is damaged), io.
  Result<CatalogueChange> load();
  std::uint64_t damaged() const { return damaged_ + dead_->damaged(); }
  // All of it or nothing; durable when it returns. Errors of these: unavailable (disk full), io.
  Result<void> save(CatalogueChange const& change);
  Result<void> save(CatalogueDeletion const& deletion);
  // A part of a change, which may come in many: what is saved is true, whether the rest comes or
  // not. Those that were dead are no longer.
  Result<void> save(std::span<CatalogueEntity const> entities, EntityId next_entity);
  // From now on they are dead.
  Result<void> bury(std::span<CatalogueEntity const> entities, DeadEntities::NameOf const& name_of);
  // Of those that are dead: they, and what was deleted of them, go for good.
  Result<void> forget_dead(std::span<EntityId const> ids);
  DeadEntities& dead() { return *dead_; }
  Result<std::vector<Tombstone>> tombstones();
  Result<std::vector<AuditEntry>> audit();  // oldest first
  // In place of the one with the number `known`, if there is one; its number then.
  Result<std::int64_t> save(AuditEntry const& entry, std::optional<std::int64_t> known);
  // Makes a database of the same content at `path`. stopping() is asked between pieces and may let
  // others use the catalogue, whose changes then are in the copy too. Errors: unavailable (disk
  // full), io, gone (stopping() became true).
  Result<void> copy_to(std::string const& path, std::function<bool()> const& stopping);
  // SQLite's own check of its pages. Errors: malformed, io.
  Result<void> check();
  // A number made with the database: spills of another store are told by it.
  std::uint64_t store_id() const { return store_id_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  Result<void> prepare();
  Result<void> raise(std::span<CatalogueEntity const> entities);
  template <typename Save>
  Result<void> in_transaction(Save const& save);

  std::unique_ptr<sqlite3, Close> database_;
  std::unique_ptr<DeadEntities> dead_;  // of the database
  std::uint64_t store_id_ = 0;
  std::uint64_t damaged_ = 0;
};

}  // namespace dadvisor::aggregator::store
