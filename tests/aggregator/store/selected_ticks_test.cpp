// Ticks that come piece by piece, evenly spaced or not, are those of a list.

#include "aggregator/store/selected_ticks.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <random>

using namespace dadvisor::aggregator::store;

TEST_CASE("ticks that are put together of pieces are those of a list") {
  std::mt19937_64 random(5);
  int even = 0;
  for (int round = 0; round < 2000; ++round) {
    SelectedTicks ticks;
    std::vector<TickNs> list;
    TickNs tick = random() % 8 == 0 ? INT64_MIN + 5000 : 1000;
    bool const spaced = random() % 2 == 0;
    for (auto pieces = random() % 6; pieces > 0; --pieces) {
      std::vector<TickNs> piece;
      for (auto rows = 1 + random() % 5; rows > 0; --rows) {
        piece.push_back(tick);
        tick += spaced || random() % 8 != 0 ? 10 : 7;
      }
      if (!spaced && random() % 8 == 0) tick -= 30;             // the next piece is not behind this
      if (!spaced && random() % 32 == 0) tick = INT64_MAX / 2;  // further than there are steps
      if (random() % 2 == 0) {
        auto const first = random() % piece.size();
        ticks.append(RowTicks(piece), first, piece.size());
        piece.erase(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(first));
      } else {
        ticks.append(piece);
      }
      list.insert(list.end(), piece.begin(), piece.end());
      if (random() % 8 == 0) {
        auto const row = random() % (list.size() + 1);
        ticks.cut(row);
        list.resize(row);
      }
      REQUIRE(ticks.size() == list.size());
      for (std::size_t row = 0; row < list.size(); ++row) REQUIRE(ticks[row] == list[row]);
      REQUIRE(std::vector(ticks.list().begin(), ticks.list().end()) == list);
      auto const step = ticks.step();
      even += step ? 1 : 0;
      for (std::size_t row = 1; step && row < list.size(); ++row)
        REQUIRE(list[row] - list[row - 1] == *step);
    }
    SelectedTicks more = ticks;
    more.append(ticks);
    REQUIRE(more.size() == 2 * list.size());
    for (std::size_t row = 0; row < more.size(); ++row)
      REQUIRE(more[row] == list[row % list.size()]);
    ticks.assign(std::vector<TickNs>{3, 5});
    REQUIRE(ticks.step() == 2);
    ticks.clear();
    REQUIRE(ticks.empty());
    REQUIRE(ticks.list().empty());
  }
  CHECK(even > 1000);
}

TEST_CASE("ticks of what is damaged are as they stand, also those that go round all of time") {
  constexpr TickNs quarter = TickNs{1} << 62;
  for (std::vector<TickNs> const& list : {std::vector<TickNs>{5, 5, 5},
                                          {30, 20, 10},
                                          {INT64_MIN, -quarter, 0, quarter, INT64_MIN, -quarter},
                                          {7}}) {
    SelectedTicks ticks;
    ticks.append(list);
    ticks.append(list);
    REQUIRE(ticks.size() == 2 * list.size());
    for (std::size_t row = 0; row < ticks.size(); ++row)
      CHECK(ticks[row] == list[row % list.size()]);
    CHECK(ticks.list().size() == ticks.size());
  }
}
