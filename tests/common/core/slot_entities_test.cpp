// Entities of batches, which share one list until one of them is edited.

#include <catch2/catch.hpp>

#include "common/core/row.hpp"

using namespace dadvisor;

namespace {

SlotEntity container(std::uint32_t slot) {
  return {slot, {{EntityKind::container, "host-1", "c" + std::to_string(slot), 1}, {}}};
}

}  // namespace

TEST_CASE("a copy of a batch's entities shares their list, and an edited one has its own") {
  SlotEntities const first{container(1), container(2)};
  SlotEntities second = first;
  CHECK(second.is(first));
  second.push_back(container(3));
  CHECK_FALSE(second.is(first));
  CHECK(first.size() == 2);
  CHECK(second.size() == 3);
  CHECK(second[2].slot == 3);
}

TEST_CASE("lists of the same entities are equal without being one") {
  SlotEntities const first{container(1)}, second{container(1)};
  CHECK(first == second);
  CHECK_FALSE(first.is(second));
  CHECK_FALSE(first == SlotEntities{container(2)});
}

TEST_CASE("having no entities is no list that could be shared") {
  SlotEntities const none, nothing;
  CHECK(none.empty());
  CHECK(none.begin() == none.end());
  CHECK(none == nothing);
  CHECK_FALSE(none.is(nothing));
}
