#pragma once
// Finding a slot's entity and its row in the base: one rule for the frame's writer and reader,
// which must agree on it.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/core/row.hpp"

namespace dadvisor {

// The element of that slot, of a vector that ascends by slot; nullptr when there is none.
template <typename Elements>
auto find_slot(Elements const& elements, std::uint32_t slot) ->
    typename Elements::value_type const* {
  auto const at =
      std::lower_bound(elements.begin(), elements.end(), slot,
                       [](auto const& element, auto wanted) { return element.slot < wanted; });
  return at != elements.end() && at->slot == slot ? &*at : nullptr;
}

// The row that a row of (slot, schema) is written against: the base's, if it is of the same life
// and schema; nullptr when there is none. `entities`: the new batch's.
inline Row const* base_row(Batch const* base, SlotEntities const& entities, std::uint32_t slot,
                           std::uint32_t schema) {
  if (base == nullptr) return nullptr;
  auto const* const row = find_slot(base->rows, slot);
  if (row == nullptr || row->schema != schema) return nullptr;
  if (entities.is(base->entities)) return row;
  auto const* const was = find_slot(base->entities, slot);
  auto const* const is = find_slot(entities, slot);
  bool const same = was != nullptr && is != nullptr && was->entity.key == is->entity.key;
  return same ? row : nullptr;
}

}  // namespace dadvisor
