#include "agent/send/thinning.hpp"

#include <catch2/catch.hpp>

using namespace dadvisor;
using namespace dadvisor::agent;

namespace {

using Slots = std::vector<std::uint32_t>;

Outline at(std::int64_t second, Slots slots = {0, 1}, bool tells = false) {
  return {from_unix_seconds(1699999980 + second), std::move(slots), tells};
}

}  // namespace

TEST_CASE("a minute's first batch stays, and those behind it may go") {
  CHECK_FALSE(may_go(at(50), at(60), at(70)));
  CHECK(may_go(at(60), at(70), at(80)));
  CHECK(may_go(at(60), at(110), at(120)));
  CHECK(may_go(at(0), at(50), at(600)));  // behind a pause
  CHECK_FALSE(may_go(at(50), at(130), at(140)));
  CHECK_FALSE(may_go(at(-10), at(0), at(10)));
}

TEST_CASE("an entity's first and its last row stay, and what was told") {
  CHECK_FALSE(may_go(at(60, {0}), at(70, {0, 1}), at(80, {0, 1})));
  CHECK_FALSE(may_go(at(60, {0, 1}), at(70, {0, 1}), at(80, {0})));
  CHECK_FALSE(may_go(at(60, {0, 1}), at(70, {0, 1}), at(80, {0, 2})));
  CHECK(may_go(at(60, {0, 1, 2}), at(70, {0, 1}), at(80, {0, 1, 3})));
  CHECK_FALSE(may_go(at(60), at(70, {0, 1}, true), at(80)));
}

TEST_CASE("an outline has a batch's slots, and whether it tells what no other does") {
  Batch batch;
  batch.tick = from_unix_seconds(60);
  batch.rows = {{3, 0, {}}, {7, 0, {}}};
  CHECK(outline_of(batch).slots == Slots{3, 7});
  CHECK(outline_of(batch).tick == batch.tick);
  CHECK_FALSE(outline_of(batch).tells);
  auto telling = batch;
  telling.losses = {{}};
  CHECK(outline_of(telling).tells);
  telling = batch;
  telling.events.emplace_back();
  CHECK(outline_of(telling).tells);
}
