#include "aggregator/ingest/limits.hpp"

#include <fmt/format.h>

#include "common/core/log.hpp"

namespace dadvisor::aggregator::ingest {

std::optional<Objection> object_to_stamp(FrameHeader const& header, WallTime now) {
  using Kind = Objection::Kind;
  auto const zero = Nanoseconds::zero();
  if (header.step <= zero || header.step > longest_step)
    return Objection{Kind::unfit, "step: must be over 0 and at most an hour"};
  if (header.tick.time_since_epoch() <= zero) return Objection{Kind::behind, "tick: before 1970"};
  if (header.tick > now + most_ahead)
    return Objection{Kind::ahead, fmt::format("tick {} is ahead of the aggregator's clock, {}: "
                                              "set the host's clock",
                                              unix_seconds(header.tick), unix_seconds(now))};
  if (header.tick < now - most_behind)
    return Objection{Kind::behind,
                     fmt::format("tick {} is older than 24 hours", unix_seconds(header.tick))};
  if (header.tick != tick_of(header.tick, header.step))
    return Objection{Kind::unfit, "tick: not a multiple of its step"};
  return std::nullopt;
}

std::string clock_text(Nanoseconds offset) {
  return fmt::format("{:.1f} s {} this machine's",
                     std::chrono::duration<double>(std::chrono::abs(offset)).count(),
                     offset < Nanoseconds::zero() ? "behind" : "ahead of");
}

std::optional<Objection> object_to_clock(std::optional<Nanoseconds> offset) {
  if (!offset || std::chrono::abs(*offset) <= most_clock_offset) return std::nullopt;
  return Objection{
      Objection::Kind::ahead,
      fmt::format("the host's clock is {}: set it, its stamps are wrong", clock_text(*offset))};
}

std::optional<Objection> object_to_rows(Batch const& batch, SlotEntities const& sound) {
  using Kind = Objection::Kind;
  if (batch.rows.size() > most_rows)
    return Objection{Kind::unfit,
                     fmt::format("{} rows, more than {}", batch.rows.size(), most_rows)};
  if (batch.entities.is(sound)) return std::nullopt;
  for (auto const& entry : batch.entities) {
    if (entry.entity.key.kind == EntityKind::foreign)
      return Objection{Kind::unfit, "a row of no host and no container"};
    if (entry.entity.key.host != batch.stream.agent)
      return Objection{Kind::unfit,
                       "a row of another host: " + printable(entry.entity.key.host, 64)};
  }
  return std::nullopt;
}

bool is_agent_id(std::string const& agent) { return !agent.empty() && printable(agent) == agent; }

}  // namespace dadvisor::aggregator::ingest
