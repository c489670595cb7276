#include "aggregator/store/dead_entities.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/catalogue_rows.hpp"
#include "aggregator/store/catalogue_statement.hpp"
#include "common/core/frame/crc32c.hpp"

namespace dadvisor::aggregator::store {
namespace {

// The labels by which they stand together. What stands behind their names in paths and tags.
constexpr std::array<std::string_view, 3> group_labels{"app", "cluster", "owner"};

Labels group_labels_of(Labels const& labels) {
  LabelsWriter writer;
  for (auto const key : group_labels)
    if (auto const value = labels.find(key); value && !value->empty()) writer.add(key, *value);
  return writer.take();
}

// A key in 64 bits: the host's above, so that a host's stand side by side. Who finds one compares
// the key itself.
std::int64_t key_number(EntityKey const& key) {
  auto const life = crc32c(key.container_id + '\n' + std::to_string(key.start_ns));
  return static_cast<std::int64_t>((std::uint64_t{crc32c(key.host)} << 32) | life);
}

// The least text behind all that begin with it; "" when there is none.
std::string behind(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

auto order(DeadGroup const& group) { return std::tie(group.cluster, group.app, group.owner); }

constexpr char const* entity_columns =
    "SELECT id, host, container, start, step, first, last, labels, shape, crc FROM dead WHERE ";

}  // namespace

DeadGroups::DeadGroups(std::vector<DeadGroup> groups) : groups_(std::move(groups)) {
  std::ranges::sort(groups_, [](auto const& a, auto const& b) { return order(a) < order(b); });
}

std::span<DeadGroup const> DeadGroups::of_app(std::string_view cluster,
                                              std::string_view app) const {
  auto const range =
      std::ranges::equal_range(groups_, std::pair(cluster, app), {}, [](DeadGroup const& group) {
        return std::pair<std::string_view, std::string_view>(group.cluster, group.app);
      });
  return {range.begin(), range.end()};
}

// Statements live as long as the database, for most are asked again and again.
class StatementCache {
 public:
  explicit StatementCache(sqlite3* database) : database_(database) {}
  // Ready to be bound. `sql` must stay where it is.
  Statement& of(std::string const& sql) {
    auto& known = statements_[sql];
    if (!known) known = std::make_unique<Statement>(database_, sql.c_str());
    known->reset();
    return *known;
  }
  // An open statement would keep the log of the database from being taken over.
  void reset() {
    for (auto const& [sql, statement] : statements_) statement->reset();
  }

 private:
  sqlite3* database_;
  std::map<std::string, std::unique_ptr<Statement>, std::less<>> statements_;
};

DeadEntities::DeadEntities(sqlite3* database)
    : database_(database), statements_(std::make_unique<StatementCache>(database)) {}
DeadEntities::~DeadEntities() = default;
DeadEntities::DeadEntities(DeadEntities&&) noexcept = default;
DeadEntities& DeadEntities::operator=(DeadEntities&&) noexcept = default;

Result<void> DeadEntities::make_tables(sqlite3* database) {
  return execute(
      database,
      "CREATE TABLE dead_group (id INTEGER PRIMARY KEY, labels BLOB, entities INTEGER,"
      " first INTEGER, last INTEGER, oldest INTEGER, latest_start INTEGER);"
      "CREATE TABLE shape (id INTEGER PRIMARY KEY, columns BLOB);"
      "CREATE TABLE dead (id INTEGER PRIMARY KEY, dead_group INTEGER, name TEXT, key INTEGER,"
      " first INTEGER, last INTEGER, shape INTEGER, step INTEGER, host TEXT, container TEXT,"
      " start INTEGER, labels BLOB, crc INTEGER);"
      // All that a find of names reads stands in the index.
      "CREATE INDEX dead_by_name ON dead (dead_group, name, last, first, shape);"
      "CREATE INDEX dead_by_time ON dead (dead_group, last);"
      "CREATE INDEX dead_by_key ON dead (key);");
}

Result<void> DeadEntities::load() {
  known_ = {};
  groups_.reset();
  Statement groups(
      database_, "SELECT id, labels, entities, first, last, oldest, latest_start FROM dead_group");
  for (;;) {
    auto row = groups.step();
    if (!row) return row.error();
    if (!*row) break;
    auto const packed = groups.bytes(1);
    auto const labels = Labels::from_bytes(packed).value_or(Labels());
    Group group;
    group.shown.id = static_cast<std::uint32_t>(groups.integer(0));
    group.shown.app = labels.find("app").value_or("");
    group.shown.cluster = labels.find("cluster").value_or("");
    group.shown.owner = labels.find("owner").value_or("");
    group.shown.entities = static_cast<std::uint64_t>(groups.integer(2));
    group.shown.first = groups.integer(3);
    group.shown.last = groups.integer(4);
    group.oldest = groups.integer(5);
    group.latest_start = groups.integer(6);
    known_.size += group.shown.entities;
    known_.latest_start = std::max(known_.latest_start, group.latest_start);
    known_.by_labels.emplace(packed, group.shown.id);
    known_.by_id.emplace(group.shown.id, std::move(group));
  }
  Statement shapes(database_, "SELECT id, columns FROM shape");
  for (;;) {
    auto row = shapes.step();
    if (!row) return row.error();
    if (!*row) return {};
    auto const columns = shapes.bytes(1);
    known_.shapes.emplace(shapes.integer(0), blob_columns(columns));
    known_.shape_ids.emplace(columns, shapes.integer(0));
  }
}

void DeadEntities::begin_change() {
  groups_.reset();
  if (!before_) before_ = std::make_unique<Known>(known_);
}

void DeadEntities::rolled_back() {
  statements_->reset();
  groups_.reset();
  if (before_) known_ = std::move(*before_);
  before_.reset();
}

Result<DeadEntities::Group*> DeadEntities::group_of(Labels const& labels) {
  auto const its = group_labels_of(labels);
  std::string const packed(its.bytes());
  if (auto const known = known_.by_labels.find(packed); known != known_.by_labels.end())
    return &known_.by_id.at(known->second);
  Group group;
  group.shown.id = known_.by_id.empty() ? 1 : known_.by_id.rbegin()->first + 1;
  group.shown.app = its.find("app").value_or("");
  group.shown.cluster = its.find("cluster").value_or("");
  group.shown.owner = its.find("owner").value_or("");
  group.shown.first = group.oldest = std::numeric_limits<TickNs>::max();
  group.shown.last = std::numeric_limits<TickNs>::min();
  auto& made = statements_->of("INSERT INTO dead_group (id, labels) VALUES (?,?)");
  if (auto done = made.bind(std::int64_t{group.shown.id}).bind_blob(packed).step(); !done)
    return done.error();
  known_.by_labels.emplace(packed, group.shown.id);
  return &known_.by_id.emplace(group.shown.id, std::move(group)).first->second;
}

Result<void> DeadEntities::keep(Group const& group) {
  auto const& shown = group.shown;
  if (shown.entities == 0) {
    auto& gone = statements_->of("DELETE FROM dead_group WHERE id = ?");
    if (auto done = gone.bind(std::int64_t{shown.id}).step(); !done) return done.error();
    std::erase_if(known_.by_labels, [&](auto const& known) { return known.second == shown.id; });
    known_.by_id.erase(shown.id);
    return {};
  }
  auto& kept = statements_->of(
      "UPDATE dead_group SET entities = ?, first = ?, last = ?, oldest = ?, latest_start = ? WHERE "
      "id = ?");
  kept.bind(shown.entities)
      .bind(shown.first)
      .bind(shown.last)
      .bind(group.oldest)
      .bind(group.latest_start)
      .bind(std::int64_t{shown.id});
  if (auto done = kept.step(); !done) return done.error();
  return {};
}

Result<std::int64_t> DeadEntities::shape_of(std::string const& columns) {
  if (auto const known = known_.shape_ids.find(columns); known != known_.shape_ids.end())
    return known->second;
  std::int64_t const id = known_.shapes.empty() ? 1 : known_.shapes.rbegin()->first + 1;
  auto& made = statements_->of("INSERT INTO shape (id, columns) VALUES (?,?)");
  if (auto done = made.bind(id).bind_blob(columns).step(); !done) return done.error();
  known_.shape_ids.emplace(columns, id);
  known_.shapes.emplace(id, blob_columns(columns));
  return id;
}

Result<void> DeadEntities::add(std::span<CatalogueEntity const> entities, NameOf const& name_of) {
  begin_change();
  std::set<std::uint32_t> touched;
  for (CatalogueEntity const& each : entities) {
    EntityInfo const& info = each.info;
    EntityKey const& key = info.entity.key;
    auto const group = group_of(info.entity.labels);
    if (!group) return group.error();
    auto const shape = shape_of(columns_blob(info.columns));
    if (!shape) return shape.error();
    auto& row = statements_->of(
        "INSERT INTO dead (id, dead_group, name, key, first, last, shape, step, host, container,"
        " start, labels, crc) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)");
    auto& shown = (*group)->shown;
    row.bind(std::int64_t{info.id})
        .bind(std::int64_t{shown.id})
        .bind_text(name_of(info.entity))
        .bind(key_number(key))
        .bind(tick_ns(info.first_tick))
        .bind(tick_ns(info.last_tick))
        .bind(*shape)
        .bind(std::int64_t{info.step.count()})
        .bind_text(key.host)
        .bind_text(key.container_id)
        .bind(key.start_ns)
        .bind_blob(info.entity.labels.bytes())
        .bind(row_crc(each));
    if (auto done = row.step(); !done) return done.error();
    ++shown.entities;
    ++known_.size;
    shown.first = std::min(shown.first, tick_ns(info.first_tick));
    shown.last = std::max(shown.last, tick_ns(info.last_tick));
    (*group)->oldest = std::min((*group)->oldest, tick_ns(info.last_tick));
    (*group)->latest_start = std::max((*group)->latest_start, key.start_ns);
    known_.latest_start = std::max(known_.latest_start, key.start_ns);
    touched.insert(shown.id);
  }
  for (auto const id : touched)
    if (auto done = keep(known_.by_id.at(id)); !done) return done;
  return {};
}

Result<void> DeadEntities::remove(std::span<EntityId const> ids) {
  std::set<std::uint32_t> touched;
  for (EntityId const id : ids) {
    auto& its = statements_->of("SELECT dead_group FROM dead WHERE id = ?");
    auto const there = its.bind(std::int64_t{id}).step();
    if (!there) return there.error();
    if (!*there) continue;
    auto const group = static_cast<std::uint32_t>(its.integer(0));
    its.reset();
    auto& gone = statements_->of("DELETE FROM dead WHERE id = ?");
    if (auto done = gone.bind(std::int64_t{id}).step(); !done) return done.error();
    begin_change();
    --known_.size;
    auto const known = known_.by_id.find(group);
    if (known == known_.by_id.end()) continue;
    --known->second.shown.entities;
    touched.insert(group);
  }
  for (auto const id : touched) {
    auto& group = known_.by_id.at(id);
    if (group.shown.entities > 0) {
      auto& least = statements_->of("SELECT min(last) FROM dead WHERE dead_group = ?");
      auto const row = least.bind(std::int64_t{id}).step();
      if (!row) return row.error();
      if (*row && !least.absent(0)) group.oldest = least.integer(0);
      least.reset();
    }
    if (auto done = keep(group); !done) return done;
  }
  return {};
}

Result<std::vector<EntityId>> DeadEntities::older_than(TickNs cutoff, std::size_t limit) {
  std::vector<EntityId> ids;
  for (auto const& [id, group] : known_.by_id) {
    if (group.oldest >= cutoff || ids.size() >= limit) continue;
    auto& old = statements_->of(
        "SELECT id FROM dead WHERE dead_group = ? AND last < ? ORDER BY last LIMIT ?");
    old.bind(std::int64_t{id}).bind(cutoff).bind(std::uint64_t{limit - ids.size()});
    for (;;) {
      auto const row = old.step();
      if (!row) return row.error();
      if (!*row) break;
      ids.push_back(static_cast<EntityId>(old.integer(0)));
    }
  }
  return ids;
}

std::optional<EntityInfo> DeadEntities::entity(Statement& row) {
  CatalogueEntity made;
  EntityInfo& info = made.info;
  info.id = static_cast<EntityId>(row.integer(0));
  info.entity.key = {EntityKind::container, row.bytes(1), row.bytes(2), row.integer(3)};
  info.step = Nanoseconds(row.integer(4));
  info.first_tick = from_tick_ns(row.integer(5));
  info.last_tick = from_tick_ns(row.integer(6));
  info.entity.labels = Labels::from_bytes(row.bytes(7)).value_or(Labels());
  if (auto const shape = known_.shapes.find(row.integer(8)); shape != known_.shapes.end())
    info.columns = shape->second;
  if (row.integer(9) == row_crc(made)) return std::move(info);
  ++damaged_;
  return std::nullopt;
}

Result<std::optional<EntityInfo>> DeadEntities::find(EntityKey const& key) {
  std::optional<EntityInfo> found;
  if (known_.size == 0 || key.kind != EntityKind::container || key.start_ns > known_.latest_start)
    return found;
  auto& row = statements_->of(std::string(entity_columns) + "key = ?");
  row.bind(key_number(key));
  while (!found) {
    auto const there = row.step();
    if (!there) return there.error();
    if (!*there) break;
    auto made = entity(row);
    if (made && made->entity.key == key) found = std::move(made);
  }
  row.reset();
  return found;
}

Result<std::vector<std::pair<EntityId, TickNs>>> DeadEntities::begun(std::string const& host,
                                                                     TickNs after, TickNs until) {
  std::vector<std::pair<EntityId, TickNs>> found;
  if (known_.size == 0) return found;
  auto const of_host = std::uint64_t{crc32c(host)} << 32;
  auto& row = statements_->of(
      "SELECT id, first, host FROM dead WHERE key BETWEEN ? AND ? AND first > ? AND first <= ?");
  row.bind(static_cast<std::int64_t>(of_host))
      .bind(static_cast<std::int64_t>(of_host | 0xffffffffU))
      .bind(after)
      .bind(until);
  for (;;) {
    auto const there = row.step();
    if (!there) return there.error();
    if (!*there) return found;
    if (row.bytes(2) == host)
      found.emplace_back(static_cast<EntityId>(row.integer(0)), row.integer(1));
  }
}

Result<std::optional<EntityInfo>> DeadEntities::read(EntityId id) {
  if (known_.size == 0) return std::optional<EntityInfo>();
  auto& row = statements_->of(std::string(entity_columns) + "id = ?");
  auto const there = row.bind(std::int64_t{id}).step();
  if (!there) return there.error();
  if (!*there) return std::optional<EntityInfo>();
  auto made = entity(row);
  row.reset();
  return made;
}

Result<std::vector<EntityId>> DeadEntities::ids() {
  std::vector<EntityId> all;
  all.reserve(known_.size);
  Statement read(database_, "SELECT id FROM dead ORDER BY id");
  for (;;) {
    auto const row = read.step();
    if (!row) return row.error();
    if (!*row) return all;
    all.push_back(static_cast<EntityId>(read.integer(0)));
  }
}

Result<void> DeadEntities::visit(DeadQuery const& query, std::size_t& budget,
                                 DeadVisitor const& visit) {
  auto const known = known_.by_id.find(query.group);
  if (known == known_.by_id.end()) return {};
  auto const& group = known->second;
  if (group.shown.last < query.from || group.shown.first > query.until) return {};
  std::string sql = "SELECT id, name, first, last, shape FROM dead ";
  // Of a group whose rows lie outside in part, those inside are found by their time.
  bool const by_time = !query.exact && query.prefix.empty() && group.oldest < query.from;
  std::string const end = behind(query.prefix);
  if (by_time)
    sql += "INDEXED BY dead_by_time WHERE dead_group = ? AND last >= ?";
  else if (query.exact)
    sql += "INDEXED BY dead_by_name WHERE dead_group = ? AND name = ? AND last >= ?";
  else if (end.empty())
    sql += "INDEXED BY dead_by_name WHERE dead_group = ?";
  else
    sql += "INDEXED BY dead_by_name WHERE dead_group = ? AND name >= ? AND name < ?";
  auto& row = statements_->of(sql);
  row.bind(std::int64_t{query.group});
  if (query.exact || (!by_time && !end.empty())) row.bind_text(query.prefix);
  if (by_time || query.exact)
    row.bind(query.from);
  else if (!end.empty())
    row.bind_text(end);
  Result<void> done;
  for (bool more = true; more;) {
    auto const there = row.step();
    if (!there) return there.error();
    if (!*there) return {};
    if (budget == 0) {
      done = Error{Errc::too_large, 0, "too many containers that are over would be looked through"};
      break;
    }
    --budget;
    TickNs const first = row.integer(2), last = row.integer(3);
    if (last < query.from || first > query.until) continue;
    static std::vector<MetricId> const none;
    auto const shape = known_.shapes.find(row.integer(4));
    auto const name = row.bytes(1);
    more = visit({static_cast<EntityId>(row.integer(0)), name, first, last,
                  shape == known_.shapes.end() ? none : shape->second});
  }
  row.reset();
  return done;
}

std::shared_ptr<DeadGroups const> const& DeadEntities::groups() {
  if (!groups_) {
    std::vector<DeadGroup> shown;
    shown.reserve(known_.by_id.size());
    for (auto const& [id, group] : known_.by_id) shown.push_back(group.shown);
    groups_ = std::make_shared<DeadGroups const>(std::move(shown));
  }
  return groups_;
}

}  // namespace dadvisor::aggregator::store
