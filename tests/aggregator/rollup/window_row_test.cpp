// Windows out of rows, and their form in files.

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "aggregator/rollup/window_folder.hpp"
#include "aggregator/rollup/window_form.hpp"
#include "aggregator/rollup/window_joiner.hpp"
#include "aggregator/store/block.hpp"
#include "tiered_store.hpp"

using namespace dadvisor;
using namespace dadvisor::aggregator;
using namespace dadvisor::aggregator::rollup;
using namespace std::chrono_literals;

namespace {

WallTime at(std::int64_t seconds) { return from_unix_seconds(1'800'000'000 + seconds); }

using SecondRows = std::vector<std::pair<int, std::vector<Cell>>>;  // seconds and a cell per column

// Rows, as they are read, into windows.
std::vector<WindowRow> windows_of(WindowFolder& folder, SecondRows const& rows) {
  std::vector<store::TickNs> ticks;
  std::vector<store::SelectedColumn> columns(rows.front().second.size());
  for (auto const& [seconds, cells] : rows) {
    ticks.push_back(store::tick_ns(at(seconds)));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      columns[i].values.push_back(cells[i].value_or(0));
      columns[i].has.push_back(cells[i].has_value());
    }
  }
  // As a read gives a column that no row lacks.
  for (store::SelectedColumn& column : columns)
    if (std::ranges::count(column.has, 1) == std::ssize(ticks)) column.has.clear();
  std::vector<WindowRow> made;
  folder.fold(ticks, columns, 0, [&](WindowRow const& row) { made.push_back(row); });
  return made;
}

// Folds one container's rows.
struct Fold {
  explicit Fold(std::vector<MetricId> columns, std::int64_t start_second = -86'400)
      : layout(EntityKind::container, columns) {
    REQUIRE(layout.finest() == columns);
    info.entity.key = {EntityKind::container, "h", "c",
                       at(start_second).time_since_epoch().count()};
    info.step = 10s;
    world.open();
  }
  std::vector<WindowRow> of(SecondRows const& rows) {
    HostTicks host_ticks(world.store());
    CounterRates rates(host_ticks, info.entity.key.start_ns, 10s, store::absent_entity);
    WindowFolder folder(layout, 1min, 10s, &rates);
    return windows_of(folder, rows);
  }
  WindowFigure figure(WindowRow const& row, MetricId column) const {
    std::size_t const place = layout.place(column);
    REQUIRE(place < layout.columns().size());
    return row.figures[place];
  }

  TieredStore world;
  store::EntityInfo info;
  WindowLayout layout;
};

}  // namespace

TEST_CASE("a counter's window: rises per step, the whole increase, the last reading") {
  Fold fold({metric::net_rx_bytes});
  auto const rows = fold.of({{0, {100}},
                             {10, {110}},
                             {20, {130}},
                             {30, {130}},
                             {50, {190}},     // 60 in two steps: 30 a step
                             {60, {200}},     // the next window: 10
                             {70, {4}},       // counted anew: 4
                             {80, {Cell{}}},  // not read: nothing
                             {120, {104}}});  // 100 in five steps: no rate
  REQUIRE(rows.size() == 3);
  CHECK(fold.figure(rows[0], metric::net_rx_bytes) == WindowFigure{0, 30, 60, 30, 4});
  CHECK(rows[0].ticks == 5);
  std::size_t const place = fold.layout.place(metric::net_rx_bytes);
  CHECK(rows[0].increases[place] == 90);
  CHECK(rows[0].readings[place] == Cell{190});
  CHECK(fold.figure(rows[1], metric::net_rx_bytes) == WindowFigure{4, 10, 14, 4, 2});
  CHECK(rows[1].increases[place] == 14);
  CHECK(rows[1].ticks == 3);
  CHECK(fold.figure(rows[2], metric::net_rx_bytes).count == 0);
  CHECK(rows[2].increases[place] == 100);
  CHECK(rows[2].readings[place] == Cell{104});
}

TEST_CASE("a percentage is kept where it does not follow from its parts") {
  Fold fold({metric::mem_working_set, metric::mem_limit});
  auto const same = fold.of({{0, {50, 200}}, {10, {100, 200}}});
  REQUIRE(same.size() == 1);
  std::size_t const place = fold.layout.place(metric::mem_pct_limit);
  CHECK(same[0].figures[place].count == 0);
  CHECK(quotient_sums(fold.layout, same[0], place) == std::pair(150.0, 400.0));

  // The limit doubles, and at one tick it is not known: 25 % and 12.5 %.
  auto const other = fold.of({{0, {50, 200}}, {10, {100, Cell{}}}, {20, {50, 400}}});
  CHECK(fold.figure(other[0], metric::mem_pct_limit) == WindowFigure{12.5, 25, 0, 12.5, 2});
  CHECK(quotient_sums(fold.layout, other[0], place) == std::pair(100.0, 600.0));
}

TEST_CASE("windows come back from their stored form as they were, whatever is left out of it") {
  Fold fold({metric::cpu_usage, metric::cpu_limit, metric::mem_working_set, metric::mem_limit});
  auto const rows = fold.of({{0, {1'000, real_cell(0.5), 70, 200}},
                             {10, {2'000, real_cell(0.5), 70, 200}},
                             {20, {5'000, Cell{}, 75, 200}},
                             {60, {5'000, real_cell(0.5), 75, 200}},
                             {70, {5'000, real_cell(2), 75, Cell{}}},
                             {180, {Cell{}, Cell{}, Cell{}, Cell{}}}});
  REQUIRE(rows.size() == 3);
  store::Rows stored(fold.layout.stored());
  for (WindowRow const& row : rows) append_window(fold.layout, row, stored);
  std::string bytes;
  store::encode_block(stored, 0, stored.size(), bytes);

  store::SelectedRows selected;
  store::Selection const selection(fold.layout.stored());
  REQUIRE(store::select_block(bytes, selection, INT64_MIN, INT64_MAX, selected));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<Cell> cells;
    for (store::SelectedColumn const& column : selected.columns) cells.push_back(column.cell(i));
    CHECK(read_window(fold.layout, store::from_tick_ns(selected.ticks[i]), cells) == rows[i]);
  }

  auto const path = std::string(DADVISOR_FIXTURES) + "/store/three_minutes.block";
  if (::getenv("DADVISOR_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << bytes;
  std::ifstream file(path, std::ios::binary);
  CHECK((std::stringstream() << file.rdbuf()).str() == bytes);
}

TEST_CASE("minutes join into ten as their rows would have, also over a change of step") {
  std::vector<MetricId> const columns{rollup_column(metric::cpu_usage, RollupPart::sum),
                                      rollup_column(metric::mem_usage, RollupPart::sum),
                                      rollup_column(metric::cpu_usage, RollupPart::min)};
  WindowLayout const layout(EntityKind::app, columns);
  std::vector<WindowRow> tens;
  WindowFolder folder(layout, 1min, 10s, nullptr);
  // The rows carry their step: 10 s, then 20 s. Twice the increase in twice the time.
  auto const cells = [](double cpu, double memory, double least, Nanoseconds step) {
    return std::vector<Cell>{real_cell(cpu), real_cell(memory), real_cell(least),
                             Cell{step.count()}};
  };
  auto const minutes = windows_of(
      folder, {{0, cells(10, 7, 1, 10s)}, {10, cells(30, 9, 2, 10s)}, {60, cells(40, 1, 8, 20s)}});
  REQUIRE(minutes.size() == 2);
  CHECK(minutes[0].figures[layout.place(columns[0])] == WindowFigure{10, 30, 40, 30, 2});
  WindowJoiner joiner(layout, 10min);
  auto const ten = [&](WindowRow const& joined) { tens.push_back(joined); };
  for (WindowRow const& each : minutes) joiner.take(each, ten);
  joiner.finish(ten);
  REQUIRE(tens.size() == 1);
  CHECK(tens[0].step == 20s);
  CHECK(tens[0].ticks == 3);
  // In steps of 20 s: 20, 60, 40.
  CHECK(tens[0].figures[layout.place(columns[0])] == WindowFigure{20, 60, 120, 40, 3});
  CHECK(tens[0].figures[layout.place(columns[1])] == WindowFigure{1, 9, 17, 1, 3});
  CHECK(tens[0].figures[layout.place(columns[2])].last == 2);  // 1 in 10 s
}

TEST_CASE(
    "within a minute figures become those of the newest step, and silent rows are passed by") {
  std::vector<MetricId> const columns{rollup_column(metric::cpu_usage, RollupPart::sum),
                                      rollup_column(metric::state_expected, RollupPart::all)};
  WindowLayout const layout(EntityKind::app, columns);
  WindowFolder folder(layout, 1min, 10s, nullptr);
  std::vector<WindowRow> const made =
      windows_of(folder, {{0, {Cell{}, real_cell(0), Cell{}}},  // nothing is expected: silent
                          {10, {real_cell(10), real_cell(2), Cell{10'000'000'000}}},
                          {20, {real_cell(30), real_cell(2), Cell{10'000'000'000}}},
                          {40, {real_cell(50), real_cell(2), Cell{20'000'000'000}}},
                          {50, {Cell{}, real_cell(0), Cell{}}},
                          {120, {Cell{}, real_cell(0), Cell{}}}});  // a window of a silent row
  REQUIRE(made.size() == 1);
  CHECK(made[0].ticks == 3);
  CHECK(made[0].step == 20s);
  // In steps of 20 s: 20, 60, 50.
  CHECK(made[0].figures[layout.place(columns[0])] == WindowFigure{20, 60, 130, 50, 3});
  CHECK(made[0].figures[layout.place(columns[1])].sum == 6);
}

TEST_CASE(
    "more windows than are folded at once are the same, and a rise between two parts counts") {
  Fold fold({metric::net_rx_bytes, metric::mem_usage});
  SecondRows rows;
  constexpr int minutes = 40;  // more than two parts
  for (int tick = 0; tick < 6 * minutes; ++tick)
    rows.push_back({10 * tick, {Cell{5 * tick}, Cell{tick % 6 == 0 ? 100 + tick : 1}}});
  auto const made = fold.of(rows);
  REQUIRE(made.size() == minutes);
  for (int minute = 0; minute < minutes; ++minute) {
    WindowRow const& row = made[static_cast<std::size_t>(minute)];
    CHECK(row.window == at(60 * minute));
    CHECK(row.ticks == 6);
    // The first reading of all has none before it.
    double const rises = minute == 0 ? 5 : 6;
    CHECK(fold.figure(row, metric::net_rx_bytes) == WindowFigure{5, 5, 5 * rises, 5, rises});
    double const most = 100 + 6 * minute;
    CHECK(fold.figure(row, metric::mem_usage) == WindowFigure{1, most, most + 5, 1, 6});
  }
}
