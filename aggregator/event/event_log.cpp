// Tables:
//   event      id (AUTOINCREMENT: never given twice), identity (unique), at (ns), what, data,
//              tags (by blanks)
//   event_tag  (tag, at, id): one row per tag of each event
//   fact       name, value
// user_version is the format's version.

#include "aggregator/event/event_log.hpp"

#include <algorithm>

namespace dadvisor::aggregator::event {
namespace {

constexpr std::int64_t format_version = 1;
constexpr std::int64_t second_ns = 1'000'000'000;

constexpr char const* make_tables = R"(
BEGIN IMMEDIATE;
CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL UNIQUE,
                   at INTEGER NOT NULL, what TEXT NOT NULL, data TEXT NOT NULL, tags TEXT NOT NULL);
CREATE INDEX event_at ON event(at);
CREATE TABLE event_tag(tag TEXT NOT NULL, at INTEGER NOT NULL, id INTEGER NOT NULL,
                       PRIMARY KEY(tag, at, id)) WITHOUT ROWID;
CREATE TABLE fact(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
)";

Result<Database> open_database(std::string const& path, int flags) {
  sqlite3* raw = nullptr;
  int const code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return database_error(raw, path);
  sqlite3_busy_timeout(raw, 5000);
  return database;
}

std::string join(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

std::vector<std::string> split(std::string const& text) {
  std::vector<std::string> words;
  for (std::size_t from = 0; from < text.size();) {
    auto const end = std::min(text.find(' ', from), text.size());
    if (end > from) words.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return words;
}

constexpr char const* columns = "event.id, event.at, event.what, event.data, event.tags";

graphite::Event event_of(Statement const& row) {
  graphite::Event event;
  event.id = static_cast<std::uint64_t>(row.integer(0));
  event.when = unix_seconds(WallTime(Nanoseconds(row.integer(1))));
  event.what = row.text(2);
  event.data = row.text(3);
  event.tags = split(row.text(4));
  return event;
}

bool carries(graphite::Event const& event, std::vector<std::string> const& tags) {
  return std::ranges::all_of(tags, [&](std::string const& tag) {
    return std::ranges::find(event.tags, tag) != event.tags.end();
  });
}

// The first ns behind a second; saturates.
std::int64_t ns_behind(std::int64_t seconds) {
  constexpr std::int64_t most = INT64_MAX / second_ns - 1;
  return (std::clamp(seconds, -most, most) + 1) * second_ns;
}

}  // namespace

struct EventLog::Statements {
  explicit Statements(sqlite3* database)
      : known(database, "SELECT id, at, tags FROM event WHERE identity = ?"),
        add(database, "INSERT INTO event(identity, at, what, data, tags) VALUES(?, ?, ?, ?, ?)"),
        add_tag(database, "INSERT OR IGNORE INTO event_tag(tag, at, id) VALUES(?, ?, ?)"),
        fact(database, "SELECT value FROM fact WHERE name = ?"),
        set_fact(database, "INSERT OR REPLACE INTO fact(name, value) VALUES(?, ?)"),
        old(database, "SELECT id, at, tags FROM event WHERE at < ? ORDER BY at LIMIT ?"),
        remove(database, "DELETE FROM event WHERE id = ?"),
        remove_tag(database, "DELETE FROM event_tag WHERE tag = ? AND at = ? AND id = ?") {}
  Statement known, add, add_tag, fact, set_fact, old, remove, remove_tag;
};

EventLog::EventLog(Database database)
    : database_(std::move(database)), statements_(std::make_unique<Statements>(database_.get())) {}
EventLog::EventLog(EventLog&&) noexcept = default;
EventLog& EventLog::operator=(EventLog&&) noexcept = default;
EventLog::~EventLog() = default;

Result<EventLog> EventLog::open(std::string const& path) {
  auto database = open_database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!database) return database.error();
  auto* const raw = database->get();
  if (auto done = execute(raw, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"); !done)
    return done.error().within(path);
  std::int64_t version = 0;
  {
    Statement asked(raw, "PRAGMA user_version");
    auto const row = asked.step();
    if (!row) return row.error().within(path);
    version = asked.integer(0);
  }
  if (version > format_version)
    return Error{Errc::unsupported, 0, path + ": made by a newer program; use that one"};
  if (version == 0)
    if (auto done = execute(raw, make_tables); !done) return done.error().within(path);
  return EventLog(std::move(*database));
}

Result<void> EventLog::begin() { return execute(database_.get(), "BEGIN IMMEDIATE"); }
Result<void> EventLog::commit() { return execute(database_.get(), "COMMIT"); }
void EventLog::roll_back() {
  if (sqlite3_get_autocommit(database_.get()) == 0) (void)execute(database_.get(), "ROLLBACK");
}

Result<void> EventLog::remove(Known const& one) {
  auto done = statements_->remove.bind(one.id).run();
  for (auto const& tag : one.tags)
    if (done) done = statements_->remove_tag.bind(tag).bind(one.at).bind(one.id).run();
  return done;
}

Result<bool> EventLog::add(Happening const& happening) {
  // Asked first: an insert that meets the identity would use up a number.
  auto const known = statements_->known.bind(happening.identity).step();
  if (!known) return known.error();
  if (*known) {
    Known const old{statements_->known.integer(0), statements_->known.integer(1),
                    split(statements_->known.text(2))};
    statements_->known.reset();
    bool const better = !happening.replaces.empty() &&
                        std::ranges::find(old.tags, happening.replaces) != old.tags.end();
    if (!better) return false;
    // Under a new number, so that who follows the events hears of it.
    if (auto done = remove(old); !done) return done.error();
  }
  auto const at = happening.when.time_since_epoch().count();
  auto const tags = join(happening.tags);
  auto added = statements_->add.bind(happening.identity)
                   .bind(at)
                   .bind(happening.what)
                   .bind(happening.data)
                   .bind(tags)
                   .run();
  if (!added) return added.error();
  auto const id = sqlite3_last_insert_rowid(database_.get());
  for (auto const& tag : happening.tags)
    if (auto done = statements_->add_tag.bind(tag).bind(at).bind(std::int64_t{id}).run(); !done)
      return done.error();
  return true;
}

Result<std::optional<std::string>> EventLog::fact(std::string const& name) {
  auto& statement = statements_->fact;
  auto const row = statement.bind(name).step();
  if (!row) return row.error();
  std::optional<std::string> value;
  if (*row) value = statement.text(0);
  if (*row) statement.reset();
  return value;
}

Result<void> EventLog::set_fact(std::string const& name, std::string const& value) {
  return statements_->set_fact.bind(name).bind(value).run();
}

Result<std::size_t> EventLog::prune(WallTime oldest, std::size_t limit) {
  std::vector<Known> going;
  auto& statement = statements_->old;
  statement.bind(std::int64_t{oldest.time_since_epoch().count()})
      .bind(static_cast<std::int64_t>(limit));
  for (;;) {
    auto const row = statement.step();
    if (!row) return row.error();
    if (!*row) break;
    going.push_back({statement.integer(0), statement.integer(1), split(statement.text(2))});
  }
  if (going.empty()) return std::size_t{0};
  if (auto begun = begin(); !begun) return begun.error();
  for (auto const& one : going) {
    if (auto done = remove(one); !done) {
      roll_back();
      return done.error();
    }
  }
  if (auto done = commit(); !done) {
    roll_back();
    return done.error();
  }
  return going.size();
}

Result<EventReader> EventReader::open(std::string const& path) {
  auto database = open_database(path, SQLITE_OPEN_READONLY);
  if (!database) return database.error();
  return EventReader(std::move(*database));
}

Result<std::vector<graphite::Event>> EventReader::find(std::vector<std::string> const& tags,
                                                       std::int64_t from, std::int64_t until,
                                                       std::size_t limit) {
  // A tag with a value is rarer than a kind; among equals the longer one.
  std::string const* rarest = nullptr;
  auto const rank = [](std::string const& tag) {
    return std::pair(tag.find(':') != std::string::npos, tag.size());
  };
  for (auto const& tag : tags)
    if (rarest == nullptr || rank(tag) > rank(*rarest)) rarest = &tag;
  auto const first = ns_behind(from - 1), behind = ns_behind(until);
  // Each picture asks, and to prepare a statement costs more than to find that there is nothing.
  auto& kept = rarest != nullptr ? of_tag_ : of_time_;
  auto statement = std::move(kept);  // and kept again when it has come to its end
  if (!statement) {
    std::string sql = std::string("SELECT ") + columns;
    sql += rarest != nullptr ? " FROM event_tag AS t JOIN event ON event.id = t.id WHERE t.tag = ? "
                               "AND t.at >= ? AND t.at < ? ORDER BY t.at, t.id"
                             : " FROM event WHERE at >= ? AND at < ? ORDER BY at, id";
    statement = std::make_unique<Statement>(database_.get(), sql);
  }
  if (rarest != nullptr) statement->bind(*rarest);
  statement->bind(first).bind(behind);
  std::vector<graphite::Event> found;
  for (;;) {
    auto const row = statement->step();
    if (!row) return row.error();
    if (!*row) break;
    auto event = event_of(*statement);
    if (!carries(event, tags)) continue;
    if (found.size() >= limit)
      return Error{Errc::too_large, 0,
                   "more than " + std::to_string(limit) + " events match: ask for a shorter time"};
    found.push_back(std::move(event));
  }
  kept = std::move(statement);
  return found;
}

Result<std::vector<graphite::Event>> EventReader::after(std::uint64_t id, std::size_t limit) {
  Statement statement(database_.get(), std::string("SELECT ") + columns +
                                           " FROM event WHERE id > ? ORDER BY id LIMIT ?");
  constexpr std::uint64_t greatest = INT64_MAX;
  statement.bind(static_cast<std::int64_t>(std::min(id, greatest)))
      .bind(static_cast<std::int64_t>(limit));
  std::vector<graphite::Event> found;
  for (;;) {
    auto const row = statement.step();
    if (!row) return row.error();
    if (!*row) return found;
    found.push_back(event_of(statement));
  }
}

Result<std::optional<EventReader::Found>> EventReader::one(std::uint64_t id) {
  std::optional<Found> found;
  if (id > INT64_MAX) return found;
  Statement statement(database_.get(),
                      std::string("SELECT ") + columns + " FROM event WHERE id = ?");
  statement.bind(static_cast<std::int64_t>(id));
  auto const row = statement.step();
  if (!row) return row.error();
  if (*row) found = Found{event_of(statement), WallTime(Nanoseconds(statement.integer(1)))};
  return found;
}

Result<std::uint64_t> EventReader::last_id() {
  Statement statement(database_.get(), "SELECT seq FROM sqlite_sequence WHERE name = 'event'");
  auto const row = statement.step();
  if (!row) return row.error();
  return *row ? static_cast<std::uint64_t>(statement.integer(0)) : std::uint64_t{0};
}

}  // namespace dadvisor::aggregator::event
