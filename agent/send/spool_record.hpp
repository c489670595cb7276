#pragma once
// The records of a spool's segment files (spool.hpp has their layout), and how its files are read.
// Any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/fd.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent::spool_record {

inline constexpr std::string_view magic = "dSP1";
inline constexpr std::size_t head_bytes = 12;  // magic, size, CRC
inline constexpr std::size_t batch_head_bytes = 1 + 8 + 8;
inline constexpr std::uint64_t most_records = std::uint64_t{1} << 63;
inline constexpr std::size_t begins_bytes = head_bytes + 1 + 8;  // of a segment's first record
inline constexpr char const* thinning_name = "thinning";         // a segment that is being made
inline constexpr char const* mark_name = "mark";
inline constexpr std::size_t most_mark_bytes = 64;
enum Type : std::uint8_t {
  batch = 1,
  place = 2,
  done = 3,
  thinned = 4,
  gone = 5,
  begins = 6,
  synced = 7
};

// Numbers of batches, both included.
struct Range {
  std::uint64_t first = 0, last = 0;
  bool operator==(Range const&) const = default;
};
// Batches that are given up, and what is lost by that and by whatever else.
struct Gone {
  std::uint64_t told_by = 0;  // the batch of that number, or of the next one there is, tells
  std::vector<Loss> losses;
  std::vector<Range> records;
};
// How much of the last segment is known to be on the disk.
struct Mark {
  std::uint64_t next = 0;  // the number of the batch behind it
  std::uint64_t segment = 0, bytes = 0;
};

std::string segment_name(std::uint64_t id);
std::optional<std::uint64_t> segment_id(std::string_view name);

// Adds the record of a payload.
void append(std::string& bytes, std::string_view payload);
// The payload of one that says that `record` is done.
std::string done_payload(std::uint64_t record);
// ... that a segment's first batch has that number, or a higher one where none was written.
std::string begins_payload(std::uint64_t record);
std::string payload_of(Gone const& gone);
std::string payload_of(Mark const& mark);
// nullopt: it is none.
std::optional<Gone> gone_in(std::string_view payload);
std::optional<Mark> mark_in(std::string_view payload);
// The payload of the record that starts at `offset`; nullopt when none does.
std::optional<std::string_view> payload_at(std::string_view bytes, std::size_t offset);

// Calls `take` with each payload and its offset, and `damaged` once for each place in between that
// is none.
void scan(std::string_view bytes,
          std::function<void(std::size_t offset, std::string_view payload)> const& take,
          std::function<void()> const& damaged);

// Less than `size` at the file's end.
Result<std::string> read_range(Fd const& fd, std::uint64_t offset, std::size_t size);
// A file of the spool's directory; denied when it is no regular one.
Result<std::string> read_whole(Fd const& directory, std::string const& name);

}  // namespace dadvisor::agent::spool_record
