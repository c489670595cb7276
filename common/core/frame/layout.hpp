#pragma once
// The frame's fixed places, shared by its writer and its reader (FORMAT.md).

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dadvisor::frame_layout {

inline constexpr std::string_view magic = "dAF1";  // the last character is the version
inline constexpr std::uint8_t flag_delta = 1;
inline constexpr std::uint8_t flag_events = 2;
inline constexpr std::uint8_t flag_losses = 4;
inline constexpr std::size_t flags_at = 4;
inline constexpr std::size_t lane_at = 5;
inline constexpr std::size_t sequence_at = 6;
inline constexpr std::size_t epoch_at = 14;
inline constexpr std::size_t fixed_bytes = 46;  // up to and with the step
inline constexpr std::size_t crc_bytes = 4;

inline constexpr std::uint8_t event_oom_killed = 1;  // of an event's own flags

// A host that is the agent itself is written as this length, without bytes.
inline constexpr std::uint64_t host_is_agent = 0;

}  // namespace dadvisor::frame_layout
