#include "graphite-bridge/aggregation.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace dadvisor::graphite;

namespace {

using Values = std::vector<double>;

Series series(std::int64_t start, std::int64_t step, Values values,
              Consolidation consolidation = Consolidation::average) {
  Series out;
  out.start = start;
  out.step = step;
  out.end = start + step * static_cast<std::int64_t>(values.size());
  out.values = std::move(values);
  out.consolidation = consolidation;
  return out;
}

bool same(Values const& left, Values const& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](double a, double b) { return a == b || (is_absent(a) && is_absent(b)); });
}

}  // namespace

TEST_CASE("aggregations leave absent values out") {
  Values const values{4, absent, 1, 7};
  CHECK(aggregate(Aggregation::average, values) == 4);
  CHECK(aggregate(Aggregation::avg_zero, values) == 3);
  CHECK(aggregate(Aggregation::median, values) == 4);
  CHECK(aggregate(Aggregation::sum, values) == 12);
  CHECK(aggregate(Aggregation::min, values) == 1);
  CHECK(aggregate(Aggregation::max, values) == 7);
  CHECK(aggregate(Aggregation::diff, values) == -4);
  CHECK(aggregate(Aggregation::count, values) == 3);
  CHECK(aggregate(Aggregation::range, values) == 6);
  CHECK(aggregate(Aggregation::last, values) == 7);
  CHECK(aggregate(Aggregation::stddev, values) == Approx(std::sqrt(6.0)));
  CHECK(is_absent(aggregate(Aggregation::multiply, values)));
  CHECK(aggregate(Aggregation::multiply, Values{4, 7}) == 28);
  CHECK(aggregate(Aggregation::median, Values{4, 7}) == 5.5);
}

TEST_CASE("nothing known is absent, not zero") {
  for (auto const aggregation :
       {Aggregation::average, Aggregation::median, Aggregation::sum, Aggregation::min,
        Aggregation::max, Aggregation::diff, Aggregation::stddev, Aggregation::range,
        Aggregation::multiply, Aggregation::last}) {
    CHECK(is_absent(aggregate(aggregation, Values{absent, absent})));
    CHECK(is_absent(aggregate(aggregation, Values{})));
  }
  CHECK(aggregate(Aggregation::count, Values{absent}) == 0);
}

TEST_CASE("neighbours become one by the series' own function") {
  Values const values{1, absent, 3, absent, absent, absent, 5};
  CHECK(same(consolidate(values, 3, Consolidation::average, 0), {2, absent, 5}));
  CHECK(same(consolidate(values, 3, Consolidation::sum, 0), {4, absent, 5}));
  CHECK(same(consolidate(values, 3, Consolidation::avg_zero, 0), {4.0 / 3, absent, 5}));
  CHECK(same(consolidate(values, 3, Consolidation::min, 0), {1, absent, 5}));
  CHECK(same(consolidate(values, 3, Consolidation::max, 0), {3, absent, 5}));
  CHECK(same(consolidate(values, 3, Consolidation::first, 0), {1, absent, 5}));
  CHECK(same(consolidate(values, 3, Consolidation::last, 0), {3, absent, 5}));
  CHECK(same(consolidate(values, 3, Consolidation::sum, 0.5), {4, absent, absent}));
  CHECK(same(consolidate(values, 1, Consolidation::sum, 1), values));
}

TEST_CASE("mixed steps meet at the least common multiple, joined by index") {
  // The fine series starts at 70, the coarse one at 120: row 0 holds 70..120 and 120.
  std::vector<Series> const list{series(70, 10, Values(12, 1.0), Consolidation::sum),
                                 series(120, 60, {5, 6})};
  auto const rows = normalize(list);
  CHECK(rows.step == 60);
  CHECK(rows.start == 70);
  CHECK(rows.end == 190);  // whole steps from the start only
  CHECK(rows.rows == 2);
  CHECK(rows.at(0, 0) == 6);
  CHECK(rows.at(0, 1) == 6);
  CHECK(rows.at(1, 0) == 5);
  CHECK(is_absent(rows.at(1, 2)));
  CHECK(aggregate_rows(rows, Aggregation::sum, 0) == Values{11, 12});
  std::vector<Series> const odd{series(0, 25, {1}), series(0, 10, {1})};
  CHECK(normalize(odd).step == 50);
}

TEST_CASE("rows end with the longest series") {
  std::vector<Series> const list{series(0, 10, {1, 2, absent}), series(0, 10, {10})};
  auto const rows = normalize(list);
  for (auto const aggregation : {Aggregation::sum, Aggregation::max, Aggregation::average}) {
    auto const values = aggregate_rows(rows, aggregation, 0);
    REQUIRE(values.size() == 3);
    CHECK(values[1] == 2);
    CHECK(is_absent(values[2]));
  }
  CHECK(same(aggregate_rows(rows, Aggregation::sum, 0.6), {11, absent, absent}));
  CHECK(same(aggregate_rows(rows, Aggregation::median, 0.6), {5.5, absent, absent}));
}

TEST_CASE("aggregations have aliases and an old form") {
  CHECK(find_aggregation("avg") == Aggregation::average);
  CHECK(find_aggregation("total") == Aggregation::sum);
  CHECK(find_aggregation("current") == Aggregation::last);
  CHECK(find_aggregation("rangeOfSeries") == Aggregation::range);
  CHECK_FALSE(find_aggregation("p95"));
  CHECK(aggregation_names().size() == 16);
  CHECK(short_aggregation_name("sumSeries") == "sum");
  CHECK(find_consolidation("avg") == Consolidation::average);
  CHECK_FALSE(find_consolidation("median"));
}

TEST_CASE("a fold knows each hole of a column, of columns of any length") {
  for (std::size_t rows = 1; rows <= 11; ++rows)
    for (std::size_t hole = 0; hole < rows; ++hole) {
      std::vector<double> ones(rows, 1), twos(rows, 2);
      twos[hole] = absent;
      ColumnFold sum(Aggregation::sum, rows), strict(Aggregation::sum, rows);
      for (auto* fold : {&sum, &strict}) {
        fold->add(ones);
        fold->add(twos);
      }
      auto const lenient = sum.finish(0), all = strict.finish(1);
      for (std::size_t row = 0; row < rows; ++row) {
        REQUIRE(lenient[row] == (row == hole ? 1 : 3));
        REQUIRE(is_absent(all[row]) == (row == hole));
      }
    }
}

TEST_CASE("a fold of whole columns and of such with holes is what the rows are one by one") {
  double const none = absent;
  std::vector<std::vector<double>> const columns{
      {1, 2, 3, 4, 5}, {none, 7, none, 9, 10}, {0.5, 1.5, 2.5, 3.5, 4.5}, {6, 6, 6}, {8, 8, 8, 8}};
  // By hand: the rows are 1 0.5 6 8; 2 7 1.5 6 8; 3 2.5 6 8; 4 9 3.5 8; 5 10 4.5.
  std::vector<double> const sums{15.5, 24.5, 19.5, 24.5, 19.5}, known{4, 5, 4, 4, 3};
  ColumnFold sum(Aggregation::sum, 5), average(Aggregation::average, 5), most(Aggregation::sum, 5);
  for (auto const& column : columns) {
    sum.add(column);
    average.add(column);
    most.add(column);
  }
  CHECK(sum.finish(0) == sums);
  auto const averages = average.finish(0);
  for (std::size_t row = 0; row < sums.size(); ++row)
    CHECK(averages[row] == sums[row] / known[row]);
  auto const nine_tenths = most.finish(0.9);  // all five alone are enough
  for (std::size_t row = 0; row < sums.size(); ++row)
    CHECK(is_absent(nine_tenths[row]) == (known[row] < 5));
}
