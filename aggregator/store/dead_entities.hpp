#pragma once
// Containers that are over, on disk alone: tables of the catalogue, read by bounded queries. In
// memory are only the groups in which they stand: those with the same cluster, app and owner.
//
// Within a group they are found by name, by time and by key; a group knows what times and how many
// it has, so that a query passes by those that it does not mean. Not thread-safe; used under the
// catalogue's lock. What changes rows does so within the caller's transaction, whose end is told by
// committed() or rolled_back().

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/dead_query.hpp"
#include "common/core/result.hpp"

struct sqlite3;

namespace dadvisor::aggregator::store {

struct CatalogueEntity;
class Statement;
class StatementCache;

class DeadEntities {
 public:
  using NameOf = std::function<std::string(Entity const&)>;

  explicit DeadEntities(sqlite3* database);
  ~DeadEntities();
  DeadEntities(DeadEntities&&) noexcept;
  DeadEntities& operator=(DeadEntities&&) noexcept;

  static Result<void> make_tables(sqlite3* database);
  Result<void> load();

  Result<void> add(std::span<CatalogueEntity const> entities, NameOf const& name_of);
  void committed() { before_.reset(); }
  void rolled_back();
  // They live again, or are gone; those that are not there are passed by.
  Result<void> remove(std::span<EntityId const> ids);
  // Ids of some of those whose last tick is before `cutoff`, at most so many: of each group its
  // oldest.
  Result<std::vector<EntityId>> older_than(TickNs cutoff, std::size_t limit);

  Result<std::optional<EntityInfo>> find(EntityKey const& key);
  // Those of a host whose first tick is in (after, until], and that tick.
  Result<std::vector<std::pair<EntityId, TickNs>>> begun(std::string const& host, TickNs after,
                                                         TickNs until);
  Result<std::optional<EntityInfo>> read(EntityId id);
  Result<std::vector<EntityId>> ids();  // ascending
  // Calls visit for the entities that the query means, until it returns false; each row that is
  // looked at takes one off `budget`. Errors: too_large (the budget is used up), io.
  Result<void> visit(DeadQuery const& query, std::size_t& budget, DeadVisitor const& visit);

  // The pointer changes when one of them does. By cluster, app and owner.
  std::shared_ptr<DeadGroups const> const& groups();
  std::uint64_t size() const { return known_.size; }
  // No life that began later is here.
  std::int64_t latest_start() const { return known_.latest_start; }
  std::uint64_t damaged() const { return damaged_; }

 private:
  struct Group {
    DeadGroup shown;
    TickNs oldest = 0;  // the least last tick, or less
    std::int64_t latest_start = 0;
  };
  Result<Group*> group_of(Labels const& labels);
  Result<std::int64_t> shape_of(std::string const& columns);
  Result<void> keep(Group const& group);
  std::optional<EntityInfo> entity(Statement& row);

  // What is in memory.
  struct Known {
    std::map<std::uint32_t, Group> by_id;
    std::map<std::string, std::uint32_t> by_labels;
    std::map<std::int64_t, std::vector<MetricId>> shapes;
    std::map<std::string, std::int64_t> shape_ids;
    std::uint64_t size = 0;
    std::int64_t latest_start = 0;
  };
  // Before the first change of a transaction.
  void begin_change();

  sqlite3* database_;
  std::unique_ptr<StatementCache> statements_;
  Known known_;
  std::unique_ptr<Known> before_;             // the transaction under way
  std::shared_ptr<DeadGroups const> groups_;  // null: to be made anew
  std::uint64_t damaged_ = 0;
};

}  // namespace dadvisor::aggregator::store
