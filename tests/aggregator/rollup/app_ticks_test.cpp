#include "aggregator/rollup/app_ticks.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <deque>
#include <limits>
#include <random>

#include "aggregator/rollup/host_window.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::rollup;
using namespace std::chrono_literals;

namespace {

constexpr AppNumber app = 3;
WallTime at(int number) { return from_unix_seconds(1'800'000'000 + 10 * number); }

// An instance's rows, and the same once more as columns.
struct Rows {
  EntityKey key;
  std::size_t host = 0;
  std::vector<store::TickNs> ticks;
  std::vector<Figures> figures;

  std::vector<std::vector<double>> columns() const {
    std::vector<std::vector<double>> made(figure_metrics().size());
    for (std::size_t i = 0; i < made.size(); ++i) {
      for (Figures const& row : figures) made[i].push_back(row[i]);
      if (std::ranges::all_of(made[i], [](double value) { return std::isnan(value); }))
        made[i].clear();
    }
    return made;
  }
};

Deliveries delivered(Nanoseconds step, std::initializer_list<int> numbers) {
  Deliveries made(step);
  std::vector<store::TickNs> ticks;
  for (int const number : numbers) ticks.push_back(store::tick_ns(at(number)));
  made.add(ticks);
  return made;
}

}  // namespace

TEST_CASE("who is expected of a host: those of its last tick, for as long as it counts as live") {
  auto host = delivered(10s, {0, 1, 6});
  std::vector<WallTime> const ticks{at(-1), at(0), at(2), at(4), at(5), at(6), at(9), at(10)};
  auto const none = WallTime::min();
  std::vector<WallTime> const want{none, at(0), at(1), at(1), none, at(6), at(6), none};
  auto const from = host.expected_from(ticks);
  CHECK(std::vector(from.begin(), from.end()) == want);
  CHECK(host.previous(at(6)) == at(1));
  CHECK_FALSE(host.previous(at(0)));

  std::vector const more{store::tick_ns(at(0)), store::tick_ns(at(5))};
  host.add(more);
  CHECK(host.expected_from(ticks)[4] == at(5));
  CHECK(host.previous(at(6)) == at(5));
}

TEST_CASE("an app's rows of columns are those of windows, bit by bit") {
  auto const seed = GENERATE(range(1U, 21U));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  auto const one_in = [&](unsigned most) { return random() % most == 0; };
  constexpr int last = 40;
  // A host of another step among them, in every other run.
  std::vector<Nanoseconds> const steps{10s, seed % 2 == 0 ? 30s : 10s, 10s};
  std::vector<HostWindow> windows(steps.size());
  std::deque<Deliveries> hosts;
  std::vector<std::vector<int>> numbers(steps.size());
  for (std::size_t host = 0; host < steps.size(); ++host) {
    hosts.emplace_back(steps[host]);
    for (int number = 0; number <= last; number += steps[host] == 30s ? 3 : 1)
      if (!one_in(5)) numbers[host].push_back(number);
    std::vector<store::TickNs> ticks;
    for (int const number : numbers[host]) {
      windows[host].deliver(at(number), steps[host]);
      ticks.push_back(store::tick_ns(at(number)));
    }
    hosts[host].add(ticks);
  }

  std::deque<Rows> instances;
  std::uniform_real_distribution<double> values(0, 1e9);
  for (int i = 0; i < 9; ++i) {
    Rows& rows = instances.emplace_back();
    rows.host = static_cast<std::size_t>(i) / 3;
    rows.key = {EntityKind::container, "host-" + std::to_string(rows.host), std::to_string(i), 1};
    for (int const number : numbers[rows.host]) {
      if (one_in(6)) continue;
      Figures figures(figure_metrics().size(), std::numeric_limits<double>::quiet_NaN());
      for (std::size_t figure = 0; figure < figures.size(); ++figure)
        if (figure % 4 != 3 && !one_in(7)) figures[figure] = values(random);
      figures[*figure_index(metric::state_up)] = one_in(4) ? 0 : 1;
      rows.ticks.push_back(store::tick_ns(at(number)));
      windows[rows.host].add(at(number), app, rows.key, figures);
      rows.figures.push_back(std::move(figures));
    }
  }

  std::vector<WallTime> ticks;
  for (int number = 2; number <= last; ++number)
    if (!one_in(4)) ticks.push_back(at(number));
  std::vector<Deliveries*> pointers;
  std::vector<HostWindow const*> all;
  for (std::size_t host = 0; host < steps.size(); ++host) {
    pointers.push_back(&hosts[host]);
    all.push_back(&windows[host]);
  }
  AppTicks made(ticks, pointers);
  for (Rows const& rows : instances) {
    auto const columns = rows.columns();
    FigureColumns const views(columns.begin(), columns.end());
    std::vector<std::uint32_t> places;
    for (store::TickNs const tick : rows.ticks) {
      auto const found = std::ranges::find(ticks, store::from_tick_ns(tick));
      places.push_back(found == ticks.end() ? no_place
                                            : static_cast<std::uint32_t>(found - ticks.begin()));
    }
    made.take(pointers[rows.host], rows.ticks, views, places);
  }
  std::size_t there = 0;
  for (std::size_t place = 0; place < ticks.size(); ++place) {
    INFO("place " << place);
    auto const want = roll_up_app(all, app, ticks[place]);
    CHECK(made.row(place) == want);
    if (want) ++there;
  }
  CHECK(there > 5);
}
