#pragma once
// The records of a spool's segment files (spool.hpp has their layout), and how its files are read.
// Any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent::spool_record {

inline constexpr std::string_view magic = "dSP1";
inline constexpr std::size_t head_bytes = 12;  // magic, size, CRC
inline constexpr std::size_t batch_head_bytes = 1 + 8 + 8;
inline constexpr std::uint64_t most_records = std::uint64_t{1} << 63;
inline constexpr char const* thinning_name = "thinning";  // a segment that is being made
enum Type : std::uint8_t { batch = 1, place = 2, done = 3, thinned = 4 };

std::string segment_name(std::uint64_t id);
std::optional<std::uint64_t> segment_id(std::string_view name);

// Adds the record of a payload.
void append(std::string& bytes, std::string_view payload);
// The payload of one that says that `record` is done.
std::string done_payload(std::uint64_t record);
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
