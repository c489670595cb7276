#pragma once
// The coarser tiers: rows of windows of a minute or of ten minutes, kept longer than raw rows.
//
// A tier is a row of periods; the rows of all entities whose windows begin in a period stand in one
// file, written once when the period is over. Instances have a tier of their own, for it is kept
// for a shorter time and retention is the removal of whole files.

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "common/core/clock.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

enum class Tier : std::uint8_t { minute_instances, minute, ten_minutes };
inline constexpr std::array all_tiers{Tier::minute_instances, Tier::minute, Tier::ten_minutes};

// As directories and metrics call it.
constexpr std::string_view name_of(Tier tier) {
  constexpr std::array<std::string_view, all_tiers.size()> names{"1m-instances", "1m", "10m"};
  return names[static_cast<std::size_t>(tier)];
}

struct TierPlan {
  Nanoseconds window;     // of a row
  Nanoseconds period;     // of a file; a multiple of the window, and of the finer tier's period
  Nanoseconds retention;  // of a row, from its window's begin
};

struct TierPlans {
  std::array<TierPlan, all_tiers.size()> plans{
      TierPlan{std::chrono::minutes(1), std::chrono::hours(2), std::chrono::days(7)},
      TierPlan{std::chrono::minutes(1), std::chrono::hours(2), std::chrono::days(30)},
      TierPlan{std::chrono::minutes(10), std::chrono::days(1), std::chrono::days(730)},
  };
  TierPlan const& of(Tier tier) const { return plans[static_cast<std::size_t>(tier)]; }
  TierPlan& of(Tier tier) { return plans[static_cast<std::size_t>(tier)]; }
};

// The finest tier above raw rows that has the entities of this kind.
constexpr Tier first_tier(EntityKind kind) {
  return kind == EntityKind::container ? Tier::minute_instances : Tier::minute;
}

}  // namespace dadvisor::aggregator::store
