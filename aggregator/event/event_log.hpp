#pragma once
// Events on disk: numbered in the order of their coming, found by time and tags, kept as long as
// the finest tier, and each recorded once (by its identity). Beside them facts, which outlive the
// events: which hosts were ever seen, which image an app runs.
//
// A SQLite database of its own (WAL, synchronous FULL): events are few, come in transactions of
// many, and are asked for by tag and by number, which is what it is for. It knows nothing of how
// events are derived. Numbers rise, are never given twice and survive restarts and pruning.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/event/happening.hpp"
#include "aggregator/event/statement.hpp"
#include "common/core/clock.hpp"
#include "common/core/result.hpp"
#include "graphite-bridge/event.hpp"

namespace dadvisor::aggregator::event {

// The writing side. One thread at a time.
class EventLog {
 public:
  // Opens or makes the file. Errors: io, unavailable (disk full), unsupported (a newer program's).
  static Result<EventLog> open(std::string const& path);
  ~EventLog();
  EventLog(EventLog&&) noexcept;
  EventLog& operator=(EventLog&&) noexcept;

  // What add() and set_fact() do holds only once commit() succeeded; durable then. After an error,
  // or without a commit, roll_back() and begin anew.
  Result<void> begin();
  Result<void> commit();
  void roll_back();
  // False: an event of this identity is there already, and not one that it replaces.
  Result<bool> add(Happening const& happening);
  Result<std::optional<std::string>> fact(std::string const& name);
  Result<void> set_fact(std::string const& name, std::string const& value);

  // Removes at most `limit` events from before `oldest`; how many went. A transaction of its own.
  Result<std::size_t> prune(WallTime oldest, std::size_t limit);

 private:
  struct Statements;
  struct Known {
    std::int64_t id = 0, at = 0;
    std::vector<std::string> tags;
  };
  Result<void> remove(Known const& one);
  explicit EventLog(Database database);
  Database database_;
  std::unique_ptr<Statements> statements_;
};

// A reading side; as many as wanted, each used by one thread at a time. Never waits for the writer.
class EventReader {
 public:
  // The file must be there: open the log first.
  static Result<EventReader> open(std::string const& path);
  EventReader(EventReader&&) = default;
  EventReader& operator=(EventReader&&) = delete;  // statements go before their database

  // Events with from <= when <= until (unix seconds) that carry all of `tags`, by time ascending.
  // too_large when there are more than `limit`.
  Result<std::vector<graphite::Event>> find(std::vector<std::string> const& tags, std::int64_t from,
                                            std::int64_t until, std::size_t limit);
  // The next events behind number `id`, by number ascending.
  Result<std::vector<graphite::Event>> after(std::uint64_t id, std::size_t limit);
  // The event of that number, with its moment to the nanosecond; none: never given, or pruned.
  struct Found {
    graphite::Event event;
    WallTime at{};
  };
  Result<std::optional<Found>> one(std::uint64_t id);
  // The greatest number ever given; 0 when there was none.
  Result<std::uint64_t> last_id();

 private:
  explicit EventReader(Database database) : database_(std::move(database)) {}
  Database database_;
  std::unique_ptr<Statement> of_tag_, of_time_;  // of find()
};

}  // namespace dadvisor::aggregator::event
