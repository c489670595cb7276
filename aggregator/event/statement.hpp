#pragma once
// One prepared statement of a SQLite database: parameters in order, rows out. Not thread-safe.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::aggregator::event {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

// Errc::unavailable: the disk is full; conflict: another process holds it; else io.
Error database_error(sqlite3* database, std::string_view what);
Result<void> execute(sqlite3* database, char const* sql);

class Statement {
 public:
  Statement(sqlite3* database, std::string const& sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(Statement const&) = delete;
  Statement& operator=(Statement const&) = delete;

  Statement& bind(std::int64_t value);
  Statement& bind(std::string_view text);  // must outlive the last step()
  // True: a row stands ready. False: at the end, and the statement may be bound anew.
  Result<bool> step();
  // For a statement without rows.
  Result<void> run();
  // Gives up the rows that are left.
  void reset();
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string text(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  std::optional<Error> error_;
  int bound_ = 0;
};

}  // namespace dadvisor::aggregator::event
