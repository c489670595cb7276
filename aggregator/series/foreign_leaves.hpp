#pragma once
// Which leaves of a foreign entity there are: of the names that it was given those whose columns
// hold, or held, a value. A name whose values all were deleted is none until its next value comes.

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "aggregator/store/store.hpp"
#include "common/core/foreign.hpp"

namespace dadvisor::aggregator::series {

// Calls visit(name, place) for each leaf. Views of the entity.
template <typename Visit>
void each_foreign_leaf(store::EntityInfo const& info, Visit const& visit) {
  std::uint32_t place = 0;
  for (auto const name : foreign_leaf_names(info.entity)) {
    if (std::ranges::binary_search(info.columns, foreign_column(place))) visit(name, place);
    ++place;
  }
}

}  // namespace dadvisor::aggregator::series
