#include "aggregator/alert/state.hpp"

#include <array>

namespace dadvisor::aggregator::alert {

namespace {

constexpr std::array<char const*, 5> statuses = {"OK", "PENDING", "FIRING", "NODATA", "RESOLVED"};
constexpr std::array<char const*, 3> levels = {"", "warn", "crit"};
constexpr std::array<char const*, 5> reasons = {"", "cleared", "gone", "expired", "rule_removed"};

template <typename T, std::size_t N>
std::optional<T> find(std::array<char const*, N> const& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i)
    if (text == names[i]) return static_cast<T>(i);
  return std::nullopt;
}

}  // namespace

char const* to_string(Status status) { return statuses[static_cast<std::size_t>(status)]; }
char const* to_string(Level level) { return levels[static_cast<std::size_t>(level)]; }
char const* to_string(Reason reason) { return reasons[static_cast<std::size_t>(reason)]; }
std::optional<Status> status_of(std::string_view text) { return find<Status>(statuses, text); }
std::optional<Level> level_of(std::string_view text) { return find<Level>(levels, text); }
std::optional<Reason> reason_of(std::string_view text) { return find<Reason>(reasons, text); }

}  // namespace dadvisor::aggregator::alert
