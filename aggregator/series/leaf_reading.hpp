#pragma once
// How series of matched leaves are read, those of agents and foreign ones alike: leaves that stand
// in the same rows at once, and rows that are alike in one go over the store, with one series in
// memory at a time.
//
// `Own`, the series of one kind, is a MatchedSeries and has besides
//   Reader            made of it: read(first, last) and read_alike(first, last, count, visit) bring
//                     leaves [first, last), and those of `count` - 1 that are like them behind;
//                     values(i) then are those of the i-th of [first, last), until the next read
//   of_same_rows(a, b) whether two leaves stand in the same rows
//   is_plain(a)       whether the leaf's values are rows of one entity as they are in the store
//   is_like(a, b)     whether b, of another plain entity, is read as a is: both at the same slots
//   path(a), pattern(), budget()
// One thread.

#include <algorithm>
#include <span>
#include <vector>

#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

template <typename Own>
class LeafReading {
 public:
  explicit LeafReading(Own const& own) : own_(own), reader_(own) {}

  // As MatchedSeries::each(), take() and all of it.
  Result<void> each(graphite::MatchedSeries::Visitor const& visit) {
    for (std::size_t first = 0; first < own_.size();) {
      if (auto const still = graphite::go_on(own_.budget()); !still) return still;
      std::size_t const last = end_of_rows(first), width = last - first;
      auto const show = [&](std::size_t place) {
        for (std::size_t i = 0; i < width; ++i) visit(place + i, reader_.values(i));
      };
      std::size_t const count = alike(first, last);
      if (count > 0) {
        if (auto const done = reader_.read_alike(first, last, count, show); !done) return done;
        first += count * width;
      } else {
        if (auto const done = reader_.read(first, last); !done) return done;
        show(first);
        first = last;
      }
    }
    return {};
  }

  Result<std::vector<graphite::Series>> take(std::span<std::size_t const> places) {
    std::vector<graphite::Series> series;
    series.reserve(places.size());
    for (std::size_t const place : places) {
      if (auto const still = graphite::go_on(own_.budget()); !still) return still.error();
      auto const charged = graphite::charge(own_.budget(), 1, own_.shape(place).values());
      if (!charged) return charged.error();
      if (auto const done = reader_.read(place, place + 1); !done) return done.error();
      series.push_back(named(place, reader_.values(0)));
    }
    return series;
  }

  Result<std::vector<graphite::Series>> take_all() {
    std::size_t points = 0;
    for (std::size_t place = 0; place < own_.size(); ++place) points += own_.shape(place).values();
    auto const charged = graphite::charge(own_.budget(), own_.size(), points);
    if (!charged) return charged.error();
    std::vector<graphite::Series> series;
    series.reserve(own_.size());
    auto const done = each([&](std::size_t place, std::span<double const> values) {
      series.push_back(named(place, values));
    });
    if (!done) return done.error();
    return series;
  }

 private:
  // Behind the leaves from `first` on that stand in the same rows; they are beside each other.
  std::size_t end_of_rows(std::size_t first) const {
    std::size_t last = first + 1;
    while (last < own_.size() && own_.of_same_rows(first, last)) ++last;
    return last;
  }

  // How many entities from that of [first, last) on are read as it is; 0: it is none of these.
  std::size_t alike(std::size_t first, std::size_t last) const {
    if (!own_.is_plain(first)) return 0;
    std::size_t const width = last - first;
    auto const like = [&](std::size_t begin) {
      if (begin + width > own_.size() || end_of_rows(begin) != begin + width) return false;
      for (std::size_t i = 0; i < width; ++i)
        if (!own_.is_like(first + i, begin + i)) return false;
      return true;
    };
    // As many as are read in a few milliseconds: between two reads a query may be stopped.
    constexpr std::size_t most_values = 1'000'000;
    auto const values = width * std::max<std::size_t>(1, own_.shape(first).values());
    auto const most = std::max<std::size_t>(1, most_values / values);
    std::size_t count = 0;
    while (count < most && like(first + count * width)) ++count;
    return count;
  }

  graphite::Series named(std::size_t place, std::span<double const> values) const {
    auto const shape = own_.shape(place);
    graphite::Series series;
    series.name = own_.path(place);
    series.path_expression = own_.pattern();
    series.tags = {{"name", series.name}};
    series.start = shape.start;
    series.end = shape.end;
    series.step = shape.step;
    series.consolidation = shape.consolidation;
    series.values.assign(values.begin(), values.end());
    return series;
  }

  Own const& own_;
  typename Own::Reader reader_;
};

}  // namespace dadvisor::aggregator::series
