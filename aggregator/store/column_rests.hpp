#pragma once
// From the rests that are packed of a column to its values, some dozens at a time; as vectors where
// the processor can. All sums wrap. Pure functions; any thread.

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {

// How a rest becomes the step that it stands for.
struct RestForm {
  bool centred = false;  // it is a zigzag
  std::uint64_t base = 0, divisor = 1;

  std::int64_t step(std::uint64_t rest) const {
    auto const lies = centred ? static_cast<std::uint64_t>(unzigzag(rest)) : rest;
    return static_cast<std::int64_t>((lies + base) * divisor);
  }
};

// values[i]: `before` and the steps of rests 0 to i. Returns the last of them.
std::int64_t add_up(RestForm const& form, std::span<std::uint64_t const> rests, std::int64_t before,
                    std::int64_t* values);
// values[i]: `from` and the step of rest i.
void add_each(RestForm const& form, std::span<std::uint64_t const> rests, std::int64_t from,
              std::int64_t* values);

// into[i]: `values` from the last to the first; `negated`: with the other sign.
void turn_round(std::span<std::int64_t const> values, bool negated, std::int64_t* into);

}  // namespace dadvisor::aggregator::store
