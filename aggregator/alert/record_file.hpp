#pragma once
// A file of records that is written at its end and read whole: the journal's and the outbox's
// form on disk. Byte layout in FORMAT.md. Not thread-safe; one thread owns a writer.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::alert {

inline constexpr std::string_view record_magic = "DADVREC1";
inline constexpr std::size_t record_limit = 1u << 30;

// Appends one framed record to `out`.
void append_record(std::string& out, std::string_view payload);

struct RecordsRead {
  std::vector<std::string> records;
  bool torn = false;  // the file ends within a record, or a checksum fails: what follows is lost
};
// Errc::malformed if the magic is not there.
Result<RecordsRead> parse_records(std::string_view bytes);
Result<RecordsRead> read_records(std::string const& path);

class RecordWriter {
 public:
  // Makes the file anew with these records, whole or not at all (also over a crash), and opens
  // it at its end. Never opens an old one: what follows a torn record would be lost.
  static Result<RecordWriter> create(std::string const& path,
                                     std::vector<std::string> const& first);
  // After an error the writer is finished: the file's end is unknown. Make another.
  Result<void> append(std::string_view payload);
  Result<void> sync();  // fdatasync(2)
  std::uint64_t size() const { return size_; }

 private:
  RecordWriter(Fd fd, std::uint64_t size) : fd_(std::move(fd)), size_(size) {}
  Fd fd_;
  std::uint64_t size_;
};

}  // namespace dadvisor::aggregator::alert
