#pragma once
// The log's records: how a frame stands in a log file, and how a damaged file is read.
//
// A record is {magic, length, durable, crc32c, frame}. Reading goes on behind whatever is damaged:
// at the next magic whose record has the right CRC. So a flipped bit costs one record, and a torn
// write nothing behind it. `durable` says how much of the file was synced when the record was
// written: it tells damage to what was acknowledged from a write that a crash has torn.
// Layout: FORMAT.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aggregator/store/disk.hpp"

namespace dadvisor::aggregator::store {

void append_record(std::string& out, std::string_view frame, std::uint64_t durable);
// Bytes that a frame takes in the log.
std::uint64_t record_size(std::string_view frame);

// "log/00000007.log" and back; nullopt for other names.
std::string log_file_name(std::uint64_t number);
std::optional<std::uint64_t> log_file_number(std::string const& name);

struct LogRecord {
  std::string_view frame;
  std::uint64_t offset = 0;        // of the record in the file
  std::uint64_t durable = 0;       // bytes of the file that were synced before it was written
  std::uint64_t skipped_from = 0;  // damage in front of it begins here; offset: there is none
};

// Reads a log file from its beginning. Not thread-safe; the file must outlive it.
class LogScanner {
 public:
  explicit LogScanner(ReadableFile const& file) : file_(file) {}
  // The next whole record, valid until the next call; nullopt at the end of the file. Errors: io.
  Result<std::optional<LogRecord>> next();
  // Stretches that were skipped: damaged records, a torn end.
  std::uint64_t damaged() const { return damaged_; }
  // After the end: whether the file's last bytes are no whole record.
  bool at_damage() const { return skipped_from_.has_value(); }

 private:
  Result<bool> need(std::size_t bytes);  // so many from at_ are in the window; false: file's end
  Result<std::optional<std::size_t>> whole_record();

  ReadableFile const& file_;
  std::string window_;
  std::size_t at_ = 0;            // in the window
  std::uint64_t window_end_ = 0;  // in the file
  std::uint64_t damaged_ = 0;
  std::optional<std::uint64_t> skipped_from_;  // while skipping
};

}  // namespace dadvisor::aggregator::store
