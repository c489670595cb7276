#include "agent/slot_ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "common/core/fd.hpp"

namespace dadvisor::agent {
namespace {

constexpr std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t reserved_ahead = 4096;
constexpr std::uint64_t slots_a_second = 16;

}  // namespace

// The file: "BOUND\n".
SlotLedger::SlotLedger(std::string path, std::uint64_t epoch, WallTime now)
    : path_(std::move(path)) {
  if (auto const text = read_file(path_, 64)) {
    auto const* const end = text->data() + text->size();
    auto const number = std::from_chars(text->data(), end, bound_);
    if (number.ec == std::errc() && number.ptr != end && *number.ptr == '\n') {
      first_ = bound_;
      return;
    }
  }
  auto const seconds =
      std::max<std::int64_t>(unix_seconds(now) - static_cast<std::int64_t>(epoch), 0);
  first_ = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(static_cast<std::uint64_t>(seconds) * slots_a_second, most / 2));
  bound_ = first_;
}

Result<void> SlotLedger::reserve(std::uint32_t next) {
  if (next <= bound_) return {};
  bound_ = next > most - reserved_ahead ? most : next + reserved_ahead;
  return replace_file(path_, fmt::format("{}\n", bound_));
}

}  // namespace dadvisor::agent
