#pragma once
// Which batches are never taken, however well they are encoded. Pure; any thread.

#include <optional>
#include <string>

#include "common/core/clock.hpp"
#include "common/core/frame/frame.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::ingest {

// How far a tick may be from this machine's clock, ahead and behind.
inline constexpr Nanoseconds most_ahead = std::chrono::minutes(10);
inline constexpr Nanoseconds most_behind = std::chrono::hours(24);
// How far an agent's clock may be from this machine's: beyond the first it is told to people,
// beyond the second its stamps are not believed.
inline constexpr Nanoseconds told_clock_offset = std::chrono::seconds(5);
inline constexpr Nanoseconds most_clock_offset = std::chrono::minutes(10);
inline constexpr Nanoseconds longest_step = std::chrono::hours(1);
inline constexpr std::size_t most_rows = 10'000;  // of one batch

struct Objection {
  enum class Kind {
    ahead,   // a wrong clock: held back from everything, its agent is told
    behind,  // too late to be of use
    unfit    // contradicts itself
  };
  Kind kind = Kind::unfit;
  std::string reason;  // for a person
};

// What speaks against the stamp; nullopt: nothing.
std::optional<Objection> object_to_stamp(FrameHeader const& header, WallTime now);
// What speaks against all batches of a request from a clock that was so far off when it was sent.
std::optional<Objection> object_to_clock(std::optional<Nanoseconds> offset);
// "90.5 s ahead of this machine's".
std::string clock_text(Nanoseconds offset);
// What speaks against the rows: too many, or of another host than the agent's own. `sound`:
// entities of an earlier batch of the agent's to which nothing was objected.
std::optional<Objection> object_to_rows(Batch const& batch, SlotEntities const& sound);
// An agent id is shown, logged and stored: printable UTF-8 only.
bool is_agent_id(std::string const& agent);

}  // namespace dadvisor::aggregator::ingest
