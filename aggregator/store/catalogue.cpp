#include "aggregator/store/catalogue.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <random>

#include "aggregator/store/catalogue_rows.hpp"
#include "aggregator/store/catalogue_statement.hpp"
#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr int schema_version = 4;
constexpr std::int64_t whole_rows = -1;  // in place of a tombstone's metric

// A flipped bit in a mark would let batches go.
std::int64_t row_crc(StreamMark const& mark) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.string(mark.stream.agent);
  writer.u64(mark.stream.epoch);
  writer.u8(static_cast<std::uint8_t>(mark.lane));
  writer.u64(mark.sequence);
  return crc32c(bytes);
}

Result<void> save_dirty(sqlite3* database, CatalogueChange const& change) {
  if (auto done = execute(database, "DELETE FROM dirty; DELETE FROM unfinished"); !done)
    return done;
  Statement dirty(database, "INSERT INTO dirty (tier, entity, first, last) VALUES (?,?,?,?)");
  for (auto const& [tier, range] : change.dirty) {
    dirty.bind(static_cast<std::int64_t>(tier))
        .bind(std::int64_t{range.entity})
        .bind(tick_ns(range.from))
        .bind(tick_ns(range.until));
    if (auto done = dirty.step(); !done) return done.error();
  }
  Statement unfinished(database,
                       "INSERT INTO unfinished (kind, host, container, start, first, last) VALUES "
                       "(?,?,?,?,?,?)");
  for (auto const& [key, from, until] : change.unfinished) {
    unfinished.bind(static_cast<std::int64_t>(key.kind))
        .bind_text(key.host)
        .bind_text(key.container_id)
        .bind(key.start_ns)
        .bind(tick_ns(from))
        .bind(tick_ns(until));
    if (auto done = unfinished.step(); !done) return done.error();
  }
  return {};
}

Result<void> load_dirty(sqlite3* database, CatalogueChange& all) {
  Statement dirty(database, "SELECT tier, entity, first, last FROM dirty");
  for (;;) {
    auto row = dirty.step();
    if (!row) return row.error();
    if (!*row) break;
    if (dirty.integer(0) < 0 || dirty.integer(0) >= std::ssize(all_tiers)) continue;
    all.dirty.push_back({static_cast<Tier>(dirty.integer(0)),
                         {static_cast<EntityId>(dirty.integer(1)), from_tick_ns(dirty.integer(2)),
                          from_tick_ns(dirty.integer(3))}});
  }
  Statement unfinished(database,
                       "SELECT kind, host, container, start, first, last FROM unfinished");
  for (;;) {
    auto row = unfinished.step();
    if (!row) return row.error();
    if (!*row) break;
    all.unfinished.push_back({{static_cast<EntityKind>(unfinished.integer(0)), unfinished.bytes(1),
                               unfinished.bytes(2), unfinished.integer(3)},
                              from_tick_ns(unfinished.integer(4)),
                              from_tick_ns(unfinished.integer(5))});
  }
  return {};
}

Result<void> save_entities(sqlite3* database, std::span<CatalogueEntity const> entities,
                           EntityId next_entity) {
  Statement entity(database,
                   "INSERT OR REPLACE INTO entity (id, kind, host, container, start, derived, "
                   "step, first, last, labels, columns, crc) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)");
  for (auto const& each : entities) {
    auto const& [info, derived, was_dead] = each;
    auto const& key = info.entity.key;
    entity.bind(std::int64_t{info.id})
        .bind(static_cast<std::int64_t>(key.kind))
        .bind_text(key.host)
        .bind_text(key.container_id)
        .bind(key.start_ns)
        .bind(std::int64_t{derived})
        .bind(std::int64_t{info.step.count()})
        .bind(std::int64_t{info.first_tick.time_since_epoch().count()})
        .bind(std::int64_t{info.last_tick.time_since_epoch().count()})
        .bind_blob(info.entity.labels.bytes())
        .bind_blob(columns_blob(info.columns))
        .bind(row_crc(each));
    if (auto done = entity.step(); !done) return done.error();
  }
  Statement next(database, "UPDATE meta SET value = max(value, ?) WHERE key = 'next_entity'");
  if (auto done = next.bind(std::int64_t{next_entity}).step(); !done) return done.error();
  return {};
}

Result<void> save_rows(sqlite3* database, CatalogueChange const& change) {
  if (auto done = save_entities(database, change.entities, change.next_entity); !done) return done;
  Statement gone(database, "DELETE FROM entity WHERE id = ?");
  Statement forgotten(database, "DELETE FROM tombstone WHERE entity = ?");
  for (EntityId const id : change.gone) {
    if (auto done = gone.bind(std::int64_t{id}).step(); !done) return done.error();
    if (auto done = forgotten.bind(std::int64_t{id}).step(); !done) return done.error();
  }
  Statement mark(database,
                 "INSERT INTO mark (agent, epoch, lane, sequence, crc) VALUES (?,?,?,?,?) ON "
                 "CONFLICT DO UPDATE SET sequence = excluded.sequence, crc = excluded.crc");
  for (StreamMark const& each : change.marks) {
    mark.bind_text(each.stream.agent)
        .bind(each.stream.epoch)
        .bind(static_cast<std::int64_t>(each.lane))
        .bind(each.sequence)
        .bind(row_crc(each));
    if (auto done = mark.step(); !done) return done.error();
  }
  return save_dirty(database, change);
}

Result<void> save_audit(sqlite3* database, AuditEntry const& entry,
                        std::optional<std::int64_t> known) {
  Statement audit(database, known ? "REPLACE INTO audit (time, who, what, id) VALUES (?,?,?,?)"
                                  : "INSERT INTO audit (time, who, what) VALUES (?,?,?)");
  audit.bind(tick_ns(entry.time)).bind_text(entry.who).bind_text(entry.what);
  if (known) audit.bind(*known);
  if (auto done = audit.step(); !done) return done.error();
  return {};
}

Result<void> save_deletion(sqlite3* database, CatalogueDeletion const& deletion) {
  if (auto done = save_entities(database, deletion.entities, deletion.next_entity); !done)
    return done;
  Statement tombstone(database,
                      "INSERT INTO tombstone (entity, first, last, made, metric) VALUES "
                      "(?,?,?,?,?)");
  for (Tombstone const& each : deletion.tombstones) {
    tombstone.bind(std::int64_t{each.entity}).bind(each.from).bind(each.until).bind(each.made);
    tombstone.bind(each.column ? std::int64_t{*each.column} : whole_rows);
    if (auto done = tombstone.step(); !done) return done.error();
  }
  if (!deletion.audit) return {};
  return save_audit(database, *deletion.audit, std::nullopt);
}

}  // namespace

void Catalogue::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

// All of what `save` does or nothing; durable when it returns.
template <typename Save>
Result<void> Catalogue::in_transaction(Save const& save) {
  auto* const database = database_.get();
  if (auto done = execute(database, "BEGIN IMMEDIATE"); !done) return done;
  Result<void> saved = save();
  if (saved) saved = execute(database, "COMMIT");
  if (saved) {
    dead_->committed();
    return saved;
  }
  // Some errors (disk full) have rolled back already; then this one has nothing to do.
  sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr);
  dead_->rolled_back();
  return saved;
}

Result<Catalogue> Catalogue::open(std::string const& path) {
  sqlite3* database = nullptr;
  int const code = sqlite3_open_v2(
      path.c_str(), &database,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
      nullptr);
  Catalogue catalogue;
  catalogue.database_.reset(database);
  if (code != SQLITE_OK) return sqlite_error(database, path.c_str());
  if (auto prepared = catalogue.prepare(); !prepared) return prepared.error().within(path);
  return catalogue;
}

Result<void> Catalogue::prepare() {
  auto* const database = database_.get();
  // The exclusive lock is taken by the first write and kept until the database is closed.
  if (auto done = execute(database,
                          "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = FULL; BEGIN IMMEDIATE");
      !done)
    return done;
  std::int64_t version = 0;
  {
    Statement read(database, "PRAGMA user_version");
    if (auto row = read.step(); !row) return row.error();
    version = read.integer(0);
  }
  if (version > schema_version)
    return Error{Errc::unsupported, 0, "catalogue: made by a newer dadvisor-aggregator"};
  if (version != 0 && version < schema_version)
    return Error{Errc::unsupported, 0, "catalogue: made by an older dadvisor-aggregator"};
  if (version == 0) {
    if (auto done = execute(
            database,
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
            "CREATE TABLE entity (id INTEGER PRIMARY KEY, kind INTEGER, host TEXT, container TEXT,"
            " start INTEGER, derived INTEGER, step INTEGER, first INTEGER, last INTEGER,"
            " labels BLOB, columns BLOB, crc INTEGER);"
            "CREATE TABLE mark (agent TEXT, epoch INTEGER, lane INTEGER, sequence INTEGER,"
            " crc INTEGER, PRIMARY KEY (agent, epoch, lane)) WITHOUT ROWID;"
            "CREATE TABLE dirty (tier INTEGER, entity INTEGER, first INTEGER, last INTEGER);"
            "CREATE TABLE unfinished (kind INTEGER, host TEXT, container TEXT, start INTEGER,"
            " first INTEGER, last INTEGER);"
            "CREATE TABLE tombstone (entity INTEGER, first INTEGER, last INTEGER, made INTEGER,"
            " metric INTEGER);"
            "CREATE INDEX tombstone_of ON tombstone (entity);"
            "CREATE TABLE audit (id INTEGER PRIMARY KEY, time INTEGER, who TEXT, what TEXT);"
            "INSERT INTO meta VALUES ('next_entity', 1);"
            "PRAGMA user_version = 4");
        !done)
      return done;
    if (auto done = DeadEntities::make_tables(database); !done) return done;
    Statement id(database, "INSERT INTO meta VALUES ('store_id', ?)");
    std::random_device random;
    auto const drawn = (std::uint64_t{random()} << 32) | random();
    if (auto done = id.bind(drawn).step(); !done) return done.error();
  }
  if (auto done = execute(database, "COMMIT"); !done) return done;
  Statement read(database, "SELECT value FROM meta WHERE key = 'store_id'");
  if (auto row = read.step(); !row) return row.error();
  store_id_ = static_cast<std::uint64_t>(read.integer(0));
  dead_ = std::make_unique<DeadEntities>(database);
  return {};
}

Result<CatalogueChange> Catalogue::load() {
  CatalogueChange all;
  Statement next(database_.get(), "SELECT value FROM meta WHERE key = 'next_entity'");
  if (auto row = next.step(); !row) return row.error();
  all.next_entity = static_cast<EntityId>(next.integer(0));
  Statement entities(database_.get(),
                     "SELECT id, kind, host, container, start, derived, step, first, last, "
                     "labels, columns, crc FROM entity ORDER BY id");
  for (;;) {
    auto row = entities.step();
    if (!row) return row.error();
    if (!*row) break;
    CatalogueEntity entity;
    auto& info = entity.info;
    info.id = static_cast<EntityId>(entities.integer(0));
    info.entity.key = {static_cast<EntityKind>(entities.integer(1)), entities.bytes(2),
                       entities.bytes(3), entities.integer(4)};
    entity.derived = entities.integer(5) != 0;
    info.step = Nanoseconds(entities.integer(6));
    info.first_tick = WallTime(Nanoseconds(entities.integer(7)));
    info.last_tick = WallTime(Nanoseconds(entities.integer(8)));
    info.entity.labels = Labels::from_bytes(entities.bytes(9)).value_or(Labels());
    info.columns = blob_columns(entities.bytes(10));
    // Ids of rows that are left out are not given again.
    if (info.id != ~EntityId{0}) all.next_entity = std::max(all.next_entity, info.id + 1);
    if (!entities.absent(11) && entities.integer(11) != row_crc(entity)) {
      ++damaged_;
      continue;
    }
    all.entities.push_back(std::move(entity));
  }
  Statement marks(database_.get(), "SELECT agent, epoch, lane, sequence, crc FROM mark");
  for (;;) {
    auto row = marks.step();
    if (!row) return row.error();
    if (!*row) break;
    StreamMark mark{{marks.bytes(0), static_cast<std::uint64_t>(marks.integer(1))},
                    static_cast<Lane>(marks.integer(2)),
                    static_cast<std::uint64_t>(marks.integer(3))};
    if (!marks.absent(4) && marks.integer(4) != row_crc(mark))
      ++damaged_;
    else
      all.marks.push_back(std::move(mark));
  }
  if (auto done = load_dirty(database_.get(), all); !done) return done.error();
  if (auto done = dead_->load(); !done) return done.error();
  return all;
}

Result<void> Catalogue::check() {
  Statement check(database_.get(), "PRAGMA quick_check(1)");
  auto row = check.step();
  if (!row) return row.error();
  if (*row && check.bytes(0) == "ok") return {};
  return Error{Errc::malformed, 0, "catalogue: damaged: " + check.bytes(0)};
}

Result<void> Catalogue::save(CatalogueChange const& change) {
  return in_transaction([&]() -> Result<void> {
    if (auto done = raise(change.entities); !done) return done;
    return save_rows(database_.get(), change);
  });
}

Result<void> Catalogue::save(CatalogueDeletion const& deletion) {
  return in_transaction([&]() -> Result<void> {
    if (auto done = raise(deletion.entities); !done) return done;
    return save_deletion(database_.get(), deletion);
  });
}

Result<void> Catalogue::save(std::span<CatalogueEntity const> entities, EntityId next_entity) {
  return in_transaction([&]() -> Result<void> {
    if (auto done = raise(entities); !done) return done;
    return save_entities(database_.get(), entities, next_entity);
  });
}

Result<void> Catalogue::raise(std::span<CatalogueEntity const> entities) {
  std::vector<EntityId> ids;
  for (CatalogueEntity const& each : entities)
    if (each.was_dead) ids.push_back(each.info.id);
  return dead_->remove(ids);
}

Result<void> Catalogue::forget_dead(std::span<EntityId const> ids) {
  return in_transaction([&]() -> Result<void> {
    if (auto done = dead_->remove(ids); !done) return done;
    Statement forgotten(database_.get(), "DELETE FROM tombstone WHERE entity = ?");
    for (EntityId const id : ids)
      if (auto done = forgotten.bind(std::int64_t{id}).step(); !done) return done.error();
    return {};
  });
}

Result<void> Catalogue::bury(std::span<CatalogueEntity const> entities,
                             DeadEntities::NameOf const& name_of) {
  return in_transaction([&]() -> Result<void> {
    // One may be there already: it lived again, and that was never saved.
    std::vector<EntityId> ids;
    for (CatalogueEntity const& each : entities) ids.push_back(each.info.id);
    if (auto done = dead_->remove(ids); !done) return done;
    if (auto done = dead_->add(entities, name_of); !done) return done;
    Statement gone(database_.get(), "DELETE FROM entity WHERE id = ?");
    for (EntityId const id : ids)
      if (auto done = gone.bind(std::int64_t{id}).step(); !done) return done.error();
    return {};
  });
}

Result<std::int64_t> Catalogue::save(AuditEntry const& entry, std::optional<std::int64_t> known) {
  auto const saved = in_transaction([&] { return save_audit(database_.get(), entry, known); });
  if (!saved) return saved.error();
  return sqlite3_last_insert_rowid(database_.get());
}

Result<std::vector<Tombstone>> Catalogue::tombstones() {
  std::vector<Tombstone> all;
  Statement read(database_.get(), "SELECT entity, first, last, made, metric FROM tombstone");
  for (;;) {
    auto row = read.step();
    if (!row) return row.error();
    if (!*row) return all;
    auto& one = all.emplace_back(Tombstone{static_cast<EntityId>(read.integer(0)), read.integer(1),
                                           read.integer(2), read.integer(3), std::nullopt});
    if (read.integer(4) != whole_rows) one.column = static_cast<MetricId>(read.integer(4));
  }
}

Result<std::vector<AuditEntry>> Catalogue::audit() {
  std::vector<AuditEntry> all;
  Statement read(database_.get(), "SELECT time, who, what FROM audit ORDER BY id");
  for (;;) {
    auto row = read.step();
    if (!row) return row.error();
    if (!*row) return all;
    all.push_back({from_tick_ns(read.integer(0)), read.bytes(1), read.bytes(2)});
  }
}

Result<void> Catalogue::copy_to(std::string const& path, std::function<bool()> const& stopping) {
  constexpr int pages_at_once = 1024;
  sqlite3* raw = nullptr;
  int const code =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, Close> const copy(raw);
  if (code != SQLITE_OK) return sqlite_error(raw, path.c_str());
  sqlite3_backup* const backup = sqlite3_backup_init(raw, "main", database_.get(), "main");
  if (backup == nullptr) return sqlite_error(raw, path.c_str());
  bool stopped = false;
  while (!stopped && sqlite3_backup_step(backup, pages_at_once) == SQLITE_OK) stopped = stopping();
  if (sqlite3_backup_finish(backup) != SQLITE_OK) return sqlite_error(raw, path.c_str());
  if (stopped) return Error{Errc::gone, 0, "stopping"};
  return {};
}

}  // namespace dadvisor::aggregator::store
