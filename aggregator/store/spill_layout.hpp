#pragma once
// What writers and readers of spills share: what a spill says of itself, an entry of its index, its
// name and the lengths of its parts. Layout: FORMAT.md.

#include <cstdint>
#include <string>
#include <string_view>

#include "aggregator/store/checked_bytes.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::store {

inline constexpr std::string_view spill_head_magic = "dASPILL5", spill_foot_magic = "5LLIPSAd";
// Of the index: an entry, and how many stand in a page.
inline constexpr std::size_t spill_entry_bytes = 40, spill_page_entries = 128;
inline constexpr std::size_t spill_footer_bytes = 10 * 8 + crc_bytes + spill_foot_magic.size();

// What a spill says of itself. Rows of log files before `log_number` with ticks up to `boundary`
// are in this spill or in earlier ones: a replay leaves them out.
struct SpillInfo {
  std::uint64_t store_id = 0;
  std::uint64_t number = 0;  // 1, 2, ...: the order in which spills were written
  // It was merged of the spills from this number to its own, and they mean nothing any more.
  std::uint64_t first_number = 0;
  std::uint64_t log_number = 0;
  TickNs boundary = 0;
  TickNs created = 0;
  TickNs first = 0, last = 0;  // ticks of its rows; first > last when it has none
};

// "1700000000-1700000600-17.rows": first and last tick in seconds, and the number; of a segment
// "1700000000-1700007200-6-17.rows", with its first number.
std::string spill_file_name(SpillInfo const& info);
bool is_spill_name(std::string const& name);
inline constexpr char const* new_segment_name = "new-segment";  // of one that is being written
// Its number; 0 when it is no such name.
std::uint64_t spill_number(std::string const& name);

// A group of rows, as the index names it.
struct SpillEntry {
  EntityId first_entity = 0, last_entity = 0;
  std::uint32_t chunk_bytes = 0;      // with their CRCs
  std::uint32_t directory_bytes = 0;  // behind them, without its own
  std::uint64_t offset = 0;
  TickNs first = 0, last = 0;
};

}  // namespace dadvisor::aggregator::store
