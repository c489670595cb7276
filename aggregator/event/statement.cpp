#include "aggregator/event/statement.hpp"

namespace dadvisor::aggregator::event {

Error database_error(sqlite3* database, std::string_view what) {
  int const code = sqlite3_errcode(database) & 0xff;
  auto const kind = code == SQLITE_FULL                            ? Errc::unavailable
                    : code == SQLITE_BUSY || code == SQLITE_LOCKED ? Errc::conflict
                                                                   : Errc::io;
  return Error{kind, sqlite3_system_errno(database),
               "events: " + std::string(what) + ": " + sqlite3_errmsg(database)};
}

Result<void> execute(sqlite3* database, char const* sql) {
  if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return database_error(database, sql);
  return {};
}

Statement::Statement(sqlite3* database, std::string const& sql) : database_(database) {
  if (sqlite3_prepare_v2(database, sql.c_str(), -1, &statement_, nullptr) != SQLITE_OK)
    error_ = database_error(database, sql);
}

Statement& Statement::bind(std::int64_t value) {
  if (statement_ != nullptr) sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would be SQL's NULL.
  char const* const data = text.data() == nullptr ? "" : text.data();
  if (statement_ != nullptr)
    sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Result<bool> Statement::step() {
  if (statement_ == nullptr) return *error_;
  int const code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  auto result =
      code == SQLITE_DONE ? Result<bool>(false) : Result<bool>(database_error(database_, "a step"));
  reset();
  return result;
}

Result<void> Statement::run() {
  auto const row = step();
  if (!row) return row.error();
  return {};
}

void Statement::reset() {
  if (statement_ != nullptr) sqlite3_reset(statement_);
  bound_ = 0;
}

std::string Statement::text(int column) const {
  auto const* const data = sqlite3_column_text(statement_, column);
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data == nullptr ? std::string() : std::string(reinterpret_cast<char const*>(data), size);
}

}  // namespace dadvisor::aggregator::event
