#pragma once
// SQLite as the catalogue's sources use it: prepared statements whose failures are Errors. For
// catalogue*.cpp alone.

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::aggregator::store {

inline Error sqlite_error(sqlite3* database, char const* what) {
  int const code = sqlite3_errcode(database) & 0xff;
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    return Error{Errc::malformed, 0,
                 std::string("catalogue: damaged (") + sqlite3_errmsg(database) +
                     "); restore the store from a backup, or move its directory away to begin an "
                     "empty one"};
  auto const kind = code == SQLITE_FULL                            ? Errc::unavailable
                    : code == SQLITE_BUSY || code == SQLITE_LOCKED ? Errc::conflict
                                                                   : Errc::io;
  return Error{kind, sqlite3_system_errno(database),
               std::string("catalogue: ") + what + ": " + sqlite3_errmsg(database)};
}

// A prepared statement; parameters and columns are numbered from 0, in order.
class Statement {
 public:
  Statement(sqlite3* database, char const* sql) : database_(database) {
    if (sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) != SQLITE_OK)
      error_ = sqlite_error(database, sql);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(Statement const&) = delete;
  Statement& operator=(Statement const&) = delete;

  Statement& bind(std::int64_t value) {
    if (statement_ != nullptr) sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  Statement& bind_text(std::string_view value) {
    if (statement_ != nullptr)
      sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
    return *this;
  }
  Statement& bind_blob(std::string_view value) {
    if (statement_ != nullptr)
      sqlite3_bind_blob64(statement_, ++bound_, value.data(), value.size(), SQLITE_TRANSIENT);
    return *this;
  }
  // True: a row stands ready. False: at the end, and the statement may be bound anew.
  Result<bool> step() {
    if (statement_ == nullptr) return *error_;
    int const code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    auto result =
        code == SQLITE_DONE ? Result<bool>(false) : Result<bool>(sqlite_error(database_, "step"));
    sqlite3_reset(statement_);
    bound_ = 0;
    return result;
  }
  void reset() {
    sqlite3_reset(statement_);
    bound_ = 0;
  }
  bool absent(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string bytes(int column) const {
    auto const* const data = static_cast<char const*>(sqlite3_column_blob(statement_, column));
    auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string() : std::string(data, size);
  }

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  std::optional<Error> error_;
  int bound_ = 0;
};

inline Result<void> execute(sqlite3* database, char const* sql) {
  if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return sqlite_error(database, sql);
  return {};
}

}  // namespace dadvisor::aggregator::store
