#include "agent/runtime/backoff.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace dadvisor::agent;
using namespace std::chrono_literals;

TEST_CASE("pauses double up to their bound, each less than its whole, and begin anew") {
  Backoff backoff(100ms, 800ms);
  std::set<dadvisor::Nanoseconds> seen;
  for (int round = 0; round < 2; ++round) {
    for (auto const whole : {100ms, 200ms, 400ms, 800ms, 800ms, 800ms}) {
      auto const pause = backoff.next();
      CHECK(pause >= whole / 2);
      CHECK(pause <= whole);
      seen.insert(pause);
    }
    backoff.reset();
  }
  // Drawn, not fixed.
  CHECK(seen.size() > 10);
}
