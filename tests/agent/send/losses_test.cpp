#include "agent/send/losses.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "common/core/frame/frame.hpp"

using namespace dadvisor;
using namespace dadvisor::agent;
using std::chrono::seconds;

namespace {

Loss one(std::int64_t at, LossReason reason = LossReason::full) {
  return {reason, from_unix_seconds(at), from_unix_seconds(at), 1};
}

std::uint64_t batches(std::vector<Loss> const& losses) {
  return std::accumulate(losses.begin(), losses.end(), std::uint64_t{0},
                         [](std::uint64_t sum, Loss const& loss) { return sum + loss.batches; });
}

}  // namespace

TEST_CASE("an hour of lost ticks is one loss; another reason or a gap makes another") {
  Losses losses;
  for (int at = 0; at < 3600; at += 10) losses.add(one(at), seconds(10));
  losses.add(one(3590, LossReason::damaged), seconds(10));
  losses.add(one(3610), seconds(10));  // two steps behind
  losses.add(one(3640), seconds(10));  // three
  losses.add(one(-10), seconds(10));   // in front
  auto const taken = losses.take();
  CHECK(losses.empty());
  CHECK(taken ==
        std::vector<Loss>{{LossReason::full, from_unix_seconds(-10), from_unix_seconds(3610), 362},
                          one(3590, LossReason::damaged),
                          one(3640)});
}

TEST_CASE("more losses than a frame takes are joined to those that lie nearest") {
  Losses losses;
  std::size_t const most = frame_limit::losses;
  for (std::size_t i = 0; i < most + 5; ++i)
    losses.add(one(static_cast<std::int64_t>(i) * 1000), seconds(10));
  auto const taken = losses.take();
  REQUIRE(taken.size() == most);
  CHECK(batches(taken) == most + 5);
  CHECK(taken.back().last == from_unix_seconds(static_cast<std::int64_t>(most + 4) * 1000));
  CHECK(taken.back().batches == 6);
}
