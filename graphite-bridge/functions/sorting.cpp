// Groups Sorting and, of Filter Series, those that choose: which series show, in which order.

#include "graphite-bridge/functions/sorting.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite::functions {
void sort_by_value(SeriesList& series, Aggregation aggregation, bool greatest_first) {
  std::vector<double> values;
  values.reserve(series.size());
  for (auto const& one : series) values.push_back(aggregate(aggregation, one.values));
  sort_by_values(series, values, greatest_first);
}

void sort_by_values(SeriesList& series, std::span<double const> values, bool greatest_first) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < series.size(); ++i) {
    double const value = values[i];
    order.emplace_back(is_absent(value) ? -std::numeric_limits<double>::infinity() : value, i);
  }
  std::stable_sort(order.begin(), order.end(), [greatest_first](auto const& a, auto const& b) {
    return greatest_first ? a.first > b.first : a.first < b.first;
  });
  SeriesList sorted;
  for (auto const& [value, i] : order) sorted.push_back(std::move(series[i]));
  series = std::move(sorted);
}

void keep_first(SeriesList& series, std::int64_t count) {
  auto const size = static_cast<std::int64_t>(series.size());
  if (count < 0) count = std::max<std::int64_t>(0, size + count);
  if (count < size) series.erase(series.begin() + count, series.end());
}

namespace {

using enum ParameterType;

template <Aggregation aggregation, bool greatest_first>
Result<SeriesList> sort_by(Call& call) {
  auto series = call.take_series("seriesList");
  sort_by_value(series, aggregation, greatest_first);
  return series;
}

// Series that never rise above zero are left out, as graphite-web does.
Result<SeriesList> sort_by_minima(Call& call) {
  auto series = call.take_series("seriesList");
  std::erase_if(series, [](Series const& one) {
    double const greatest = aggregate(Aggregation::max, one.values);
    return is_absent(greatest) || greatest <= 0;
  });
  sort_by_value(series, Aggregation::min, false);
  return series;
}

Result<SeriesList> sort_by_argument(Call& call) {
  auto series = call.take_series("seriesList");
  sort_by_value(series, *find_aggregation(call.text("func")), call.flag("reverse"));
  return series;
}

template <Aggregation aggregation, bool greatest_first>
Result<SeriesList> choose(Call& call) {
  auto series = call.take_series("seriesList");
  sort_by_value(series, aggregation, greatest_first);
  keep_first(series, *call.integer("n"));
  return series;
}

template <bool greatest_first>
Result<SeriesList> choose_by_argument(Call& call) {
  auto series = call.take_series("seriesList");
  sort_by_value(series, *find_aggregation(call.text("func")), greatest_first);
  keep_first(series, *call.integer("n"));
  return series;
}

// How many of `size` keep_first() keeps.
std::size_t kept_of(std::size_t size, std::int64_t count) {
  auto const all = static_cast<std::int64_t>(size);
  return static_cast<std::size_t>(count < 0 ? std::max<std::int64_t>(0, all + count)
                                            : std::min(all, count));
}

// choose() that reads the chosen alone as series.
Result<SeriesList> choose_matched(Call& call, MatchedSeries const& matched, Aggregation aggregation,
                                  bool greatest_first) {
  std::vector<std::pair<double, std::size_t>> order(matched.size());
  auto const visited = matched.each([&](std::size_t place, std::span<double const> values) {
    double const value = aggregate(aggregation, values);
    order[place] = {is_absent(value) ? -std::numeric_limits<double>::infinity() : value, place};
  });
  if (!visited) return visited.error();
  std::size_t const count = kept_of(order.size(), *call.integer("n"));
  // Ties by place: what a stable sort of all would leave in front.
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [greatest_first](auto const& a, auto const& b) {
                      if (a.first != b.first)
                        return greatest_first ? a.first > b.first : a.first < b.first;
                      return a.second < b.second;
                    });
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < count; ++i) places.push_back(order[i].second);
  return call.read(matched, places);
}

template <Aggregation aggregation, bool greatest_first>
Result<SeriesList> choose_unread(Call& call, MatchedSeries const& matched) {
  return choose_matched(call, matched, aggregation, greatest_first);
}

template <bool greatest_first>
Result<SeriesList> choose_unread_by_argument(Call& call, MatchedSeries const& matched) {
  return choose_matched(call, matched, *find_aggregation(call.text("func")), greatest_first);
}

// "host10" sorts behind "host9": digits are compared as if padded to ten places.
std::string natural_key(std::string const& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    std::size_t end = i;
    while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
    if (end == i) {
      out += name[i++];
      continue;
    }
    while (end - i > 1 && name[i] == '0') ++i;
    if (end - i < 10) out.append(10 - (end - i), '0');
    out.append(name, i, end - i);
    i = end;
  }
  return out;
}

Result<SeriesList> sort_by_name(Call& call) {
  auto series = call.take_series("seriesList");
  bool const natural = call.flag("natural");
  bool const reverse = call.flag("reverse");
  std::stable_sort(series.begin(), series.end(), [&](Series const& a, Series const& b) {
    auto const& first = reverse ? b : a;
    auto const& second = reverse ? a : b;
    return natural ? natural_key(first.name) < natural_key(second.name) : first.name < second.name;
  });
  return series;
}

Result<SeriesList> limit(Call& call) {
  auto series = call.take_series("seriesList");
  keep_first(series, *call.integer("n"));
  return series;
}

Result<SeriesList> limit_unread(Call& call, MatchedSeries const& matched) {
  std::vector<std::size_t> places(kept_of(matched.size(), *call.integer("n")));
  std::iota(places.begin(), places.end(), std::size_t{0});
  return call.read(matched, places);
}

template <bool keep_matching>
Result<SeriesList> filter_by_name(Call& call) {
  auto series = call.take_series("seriesList");
  auto const pattern = Regex::compile(call.text("pattern"));
  if (!pattern) return call.error(pattern.error().context);
  std::erase_if(series,
                [&](Series const& one) { return pattern->matches(one.name) != keep_matching; });
  return series;
}

Result<SeriesList> remove_empty(Call& call) {
  auto series = call.take_series("seriesList");
  double const factor = call.real("xFilesFactor").value_or(0);
  std::erase_if(series, [factor](Series const& one) {
    auto const known = std::count_if(one.values.begin(), one.values.end(),
                                     [](double value) { return !is_absent(value); });
    return !enough_known(static_cast<std::size_t>(known), one.values.size(), factor);
  });
  return series;
}

Function described(std::string group, std::string name, std::string description,
                   std::vector<Parameter> more, Result<SeriesList> (*implementation)(Call&)) {
  Function out{.name = std::move(name),
               .group = std::move(group),
               .description = std::move(description),
               .parameters = {one_list()},
               .implementation = implementation};
  out.parameters.insert(out.parameters.end(), more.begin(), more.end());
  return out;
}

}  // namespace

std::vector<Function> sorting_functions() {
  auto const func = optional("func", aggregation, std::string("average"));
  auto const reverse = optional("reverse", boolean, false);
  auto const sorter = [](std::string name, std::string description, std::vector<Parameter> more,
                         Result<SeriesList> (*implementation)(Call&)) {
    return described("Sorting", std::move(name), std::move(description), std::move(more),
                     implementation);
  };
  return {
      sorter("sortBy", "Sorts by the named aggregation of each series, least first.",
             {func, reverse}, sort_by_argument),
      sorter("sortByMaxima", "Sorts by the greatest value, greatest first.", {},
             sort_by<Aggregation::max, true>),
      sorter("sortByMinima", "Sorts those that rise above zero by the least value, least first.",
             {}, sort_by_minima),
      sorter("sortByTotal", "Sorts by the sum of values, greatest first.", {},
             sort_by<Aggregation::sum, true>),
      sorter("sortByName", "Sorts by name; natural: numbers by their value.",
             {optional("natural", boolean, false), reverse}, sort_by_name),
  };
}

std::vector<Function> filter_series_functions() {
  auto const n = required("n", integer);
  auto const func = optional("func", aggregation, std::string("average"));
  auto const pattern = required("pattern", text);
  auto const filter = [](std::string name, std::string description, std::vector<Parameter> more,
                         Result<SeriesList> (*implementation)(Call&),
                         Result<SeriesList> (*over_matched)(Call&, MatchedSeries const&) =
                             nullptr) {
    auto out = described("Filter Series", std::move(name), std::move(description), std::move(more),
                         implementation);
    out.over_matched = over_matched;
    return out;
  };
  return {
      filter("highest", "The n series that are greatest by the named aggregation.", {n, func},
             choose_by_argument<true>, choose_unread_by_argument<true>),
      filter("highestAverage", "The n series with the greatest average.", {n},
             choose<Aggregation::average, true>, choose_unread<Aggregation::average, true>),
      filter("highestCurrent", "The n series whose last known value is greatest.", {n},
             choose<Aggregation::last, true>, choose_unread<Aggregation::last, true>),
      filter("highestMax", "The n series with the greatest maximum.", {n},
             choose<Aggregation::max, true>, choose_unread<Aggregation::max, true>),
      filter("lowest", "The n series that are least by the named aggregation.", {n, func},
             choose_by_argument<false>, choose_unread_by_argument<false>),
      filter("lowestAverage", "The n series with the least average.", {n},
             choose<Aggregation::average, false>, choose_unread<Aggregation::average, false>),
      filter("lowestCurrent", "The n series whose last known value is least.", {n},
             choose<Aggregation::last, false>, choose_unread<Aggregation::last, false>),
      filter("limit", "The first n series.", {n}, limit, limit_unread),
      filter("exclude", "Leaves out series whose name the regular expression matches.", {pattern},
             filter_by_name<false>),
      filter("grep", "Keeps series whose name the regular expression matches.", {pattern},
             filter_by_name<true>),
      filter("removeEmptySeries", "Leaves out series with no, or too few, known values.",
             {optional("xFilesFactor", real)}, remove_empty),
  };
}

}  // namespace dadvisor::graphite::functions
