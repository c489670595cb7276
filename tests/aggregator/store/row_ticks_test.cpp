// Ticks of rows, evenly spaced or not, answer as a sorted list does.

#include "aggregator/store/row_ticks.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <random>

using namespace dadvisor::aggregator::store;

namespace {

void require_like(std::vector<TickNs> const& list, std::vector<TickNs> const& asked) {
  RowTicks const ticks(list);
  REQUIRE(ticks.size() == list.size());
  REQUIRE(ticks.front() == list.front());
  REQUIRE(ticks.back() == list.back());
  for (std::size_t row = 0; row < list.size(); ++row) REQUIRE(ticks[row] == list[row]);
  for (TickNs const tick : asked) {
    auto const from = std::ranges::lower_bound(list, tick) - list.begin();
    auto const until = std::ranges::upper_bound(list, tick) - list.begin();
    REQUIRE(ticks.at_or_behind(tick) == static_cast<std::size_t>(from));
    REQUIRE(ticks.behind(tick) == static_cast<std::size_t>(until));
    std::vector<TickNs> behind{tick}, expected{tick};
    ticks.append_to(behind, static_cast<std::size_t>(from), list.size());
    expected.insert(expected.end(), list.begin() + from, list.end());
    REQUIRE(behind == expected);
  }
}

}  // namespace

TEST_CASE("ticks that come and go at either end are those of a list") {
  std::mt19937_64 random(12);
  for (int round = 0; round < 300; ++round) {
    RowTicks ticks;
    std::vector<TickNs> list;
    // Now and then beyond the half of time, where steps are no number of nanoseconds any more.
    TickNs tick = random() % 4 == 0 ? INT64_MIN + 50 : 1000;
    for (int change = 0; change < 60; ++change) {
      if (random() % 6 == 0 && !list.empty()) {
        ticks.drop_newest();
        list.pop_back();
      } else if (random() % 12 == 0) {
        auto const gone = random() % (list.size() + 1);
        ticks.drop_oldest(gone);
        list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(gone));
      } else {
        tick += random() % 16 == 0 ? 7 : 10;
        if (random() % 200 == 0 && tick < 0) tick = INT64_MAX - 1000;
        ticks.append(tick);
        list.push_back(tick);
      }
      REQUIRE(ticks.size() == list.size());
      REQUIRE(ticks.at_or_behind(tick) ==
              static_cast<std::size_t>(std::ranges::lower_bound(list, tick) - list.begin()));
      REQUIRE(ticks.behind(tick - 15) ==
              static_cast<std::size_t>(std::ranges::upper_bound(list, tick - 15) - list.begin()));
      std::vector<TickNs> all;
      ticks.append_to(all, 0, ticks.size());
      REQUIRE(all == list);
    }
  }
}

TEST_CASE("ticks are found as in a list, evenly spaced or not") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 200; ++round) {
    auto const step = static_cast<TickNs>(random() % 1000 + 1);
    auto tick = static_cast<TickNs>(random() % 10'000) - 5'000;
    std::vector<TickNs> list, asked{INT64_MIN, INT64_MAX};
    bool const even = round % 2 == 0;
    for (std::size_t row = 0; row < random() % 50 + 1; ++row) {
      list.push_back(tick);
      tick += even || random() % 4 != 0 ? step : step + 1;
    }
    for (TickNs const one : list)
      for (TickNs const off : {-1, 0, 1}) asked.push_back(one + off);
    require_like(list, asked);
    CHECK((!even || RowTicks(list).listed_bytes() == 0));
  }
}

TEST_CASE("ticks at both ends of time are found too") {
  std::vector<TickNs> const asked{INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
  require_like({INT64_MIN, INT64_MAX}, asked);
  require_like({INT64_MIN, 0}, asked);
  require_like({INT64_MIN + 1, 0, INT64_MAX}, asked);
  require_like({INT64_MAX - 2, INT64_MAX - 1, INT64_MAX}, asked);
  require_like({INT64_MIN}, asked);
  require_like({INT64_MAX}, asked);
}
