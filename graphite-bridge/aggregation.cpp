#include "graphite-bridge/aggregation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "common/core/two_lanes.hpp"
#include "graphite-bridge/whole_numbers.hpp"

namespace dadvisor::graphite {
namespace {

using std::size_t;

constexpr std::pair<std::string_view, Aggregation> aggregations[] = {
    {"average", Aggregation::average},   {"avg", Aggregation::average},
    {"avg_zero", Aggregation::avg_zero}, {"count", Aggregation::count},
    {"current", Aggregation::last},      {"diff", Aggregation::diff},
    {"last", Aggregation::last},         {"max", Aggregation::max},
    {"median", Aggregation::median},     {"min", Aggregation::min},
    {"multiply", Aggregation::multiply}, {"range", Aggregation::range},
    {"rangeOf", Aggregation::range},     {"stddev", Aggregation::stddev},
    {"sum", Aggregation::sum},           {"total", Aggregation::sum},
};

std::vector<std::string> names_of_aggregations() {
  std::vector<std::string> names;
  for (auto const& [name, aggregation] : aggregations) names.emplace_back(name);
  return names;
}

std::vector<double> known_values(std::span<double const> values) {
  std::vector<double> known;
  known.reserve(values.size());
  std::copy_if(values.begin(), values.end(), std::back_inserter(known),
               [](double value) { return !is_absent(value); });
  return known;
}

double sum_of(std::vector<double> const& known) {
  return std::accumulate(known.begin(), known.end(), 0.0);
}

// Without a copy of the known values: of thousands of series these are asked for.
double sum_in_one_pass(std::span<double const> values, size_t& known) {
  double sum = 0;
  for (double const value : values) {
    sum += is_absent(value) ? -0.0 : value;  // which changes none
    known += is_absent(value) ? 0 : 1;
  }
  return sum;
}

// `better`: whether a value takes the place of the one that was the best; of an absent one it is
// false.
template <typename Better>
double best_in_one_pass(std::span<double const> values, Better const& better) {
  auto const first = std::ranges::find_if_not(values, is_absent);
  if (first == values.end()) return absent;
  return std::accumulate(first + 1, values.end(), *first, [&](double best, double value) {
    return better(value, best) ? value : best;
  });
}

double aggregate_in_one_pass(Aggregation aggregation, std::span<double const> values) {
  size_t known = 0;
  switch (aggregation) {
    case Aggregation::average: {
      double const sum = sum_in_one_pass(values, known);
      return known == 0 ? absent : sum / static_cast<double>(known);
    }
    case Aggregation::sum: {
      double const sum = sum_in_one_pass(values, known);
      return known == 0 ? absent : sum;
    }
    case Aggregation::min:
      return best_in_one_pass(values, std::less<>());
    case Aggregation::max:
      return best_in_one_pass(values, std::greater<>());
    default:
      break;
  }
  auto const last = std::find_if_not(values.rbegin(), values.rend(), is_absent);
  return last == values.rend() ? absent : *last;
}

double median_of(std::vector<double> known) {
  std::sort(known.begin(), known.end());
  size_t const middle = known.size() / 2;
  return known.size() % 2 == 0 ? (known[middle - 1] + known[middle]) / 2 : known[middle];
}

double stddev_of(std::vector<double> const& known) {
  double const average = sum_of(known) / static_cast<double>(known.size());
  double squares = 0;
  for (double const value : known) squares += (value - average) * (value - average);
  return std::sqrt(squares / static_cast<double>(known.size()));
}

double consolidate_known(Consolidation consolidation, std::span<double const> group, size_t known) {
  double result = absent;
  double total = 0;
  for (double const value : group) {
    if (is_absent(value)) continue;
    total += value;
    switch (consolidation) {
      case Consolidation::first:
        if (is_absent(result)) result = value;
        break;
      case Consolidation::last:
        result = value;
        break;
      case Consolidation::min:
        result = is_absent(result) ? value : std::min(result, value);
        break;
      case Consolidation::max:
        result = is_absent(result) ? value : std::max(result, value);
        break;
      case Consolidation::average:
      case Consolidation::sum:
      case Consolidation::avg_zero:
        break;
    }
  }
  switch (consolidation) {
    case Consolidation::sum:
      return total;
    case Consolidation::average:
      return total / static_cast<double>(known);
    case Consolidation::avg_zero:
      return total / static_cast<double>(group.size());
    case Consolidation::first:
    case Consolidation::last:
    case Consolidation::min:
    case Consolidation::max:
      break;
  }
  return result;
}

}  // namespace

std::vector<std::string> const& aggregation_names() {
  static std::vector<std::string> const names = names_of_aggregations();
  return names;
}

std::string_view short_aggregation_name(std::string_view name) {
  if (name.ends_with("Series")) name.remove_suffix(6);
  return name;
}

std::optional<Aggregation> find_aggregation(std::string_view name) {
  name = short_aggregation_name(name);
  for (auto const& [known, aggregation] : aggregations) {
    if (known == name) return aggregation;
  }
  return std::nullopt;
}

std::optional<Consolidation> find_consolidation(std::string_view name) {
  if (name == "avg") return Consolidation::average;
  for (auto const consolidation :
       {Consolidation::average, Consolidation::sum, Consolidation::min, Consolidation::max,
        Consolidation::first, Consolidation::last, Consolidation::avg_zero}) {
    if (name == consolidation_name(consolidation)) return consolidation;
  }
  return std::nullopt;
}

char const* consolidation_name(Consolidation consolidation) {
  switch (consolidation) {
    case Consolidation::average:
      return "average";
    case Consolidation::sum:
      return "sum";
    case Consolidation::min:
      return "min";
    case Consolidation::max:
      return "max";
    case Consolidation::first:
      return "first";
    case Consolidation::last:
      return "last";
    case Consolidation::avg_zero:
      return "avg_zero";
  }
  return "average";
}

double aggregate(Aggregation aggregation, std::span<double const> values) {
  switch (aggregation) {
    case Aggregation::average:
    case Aggregation::sum:
    case Aggregation::min:
    case Aggregation::max:
    case Aggregation::last:
      return aggregate_in_one_pass(aggregation, values);
    default:
      break;
  }
  auto known = known_values(values);
  if (aggregation == Aggregation::count) return static_cast<double>(known.size());
  if (aggregation == Aggregation::avg_zero) {
    return values.empty() ? absent : sum_of(known) / static_cast<double>(values.size());
  }
  if (known.empty()) return absent;
  switch (aggregation) {
    case Aggregation::median:
      return median_of(std::move(known));
    case Aggregation::diff:
      return std::accumulate(known.begin() + 1, known.end(), known.front(),
                             [](double left, double right) { return left - right; });
    case Aggregation::stddev:
      return stddev_of(known);
    case Aggregation::range:
      return *std::max_element(known.begin(), known.end()) -
             *std::min_element(known.begin(), known.end());
    case Aggregation::multiply:
      if (known.size() < values.size()) return absent;
      return std::accumulate(known.begin(), known.end(), 1.0,
                             [](double left, double right) { return left * right; });
    case Aggregation::average:
    case Aggregation::sum:
    case Aggregation::min:
    case Aggregation::max:
    case Aggregation::last:
    case Aggregation::count:
    case Aggregation::avg_zero:
      break;
  }
  return absent;
}

bool enough_known(size_t known, size_t total, double x_files_factor) {
  if (known == 0 || total == 0) return false;
  return static_cast<double>(known) / static_cast<double>(total) >= x_files_factor;
}

std::vector<double> consolidate(std::vector<double> const& values, size_t per_point,
                                Consolidation consolidation, double x_files_factor) {
  if (per_point <= 1) return values;
  std::vector<double> out;
  out.reserve(values.size() / per_point + 1);
  for (size_t at = 0; at < values.size(); at += per_point) {
    size_t const length = std::min(per_point, values.size() - at);
    std::span<double const> const group(values.data() + at, length);
    auto const known = static_cast<size_t>(
        std::count_if(group.begin(), group.end(), [](double v) { return !is_absent(v); }));
    bool const enough = enough_known(known, per_point, x_files_factor);
    out.push_back(enough ? consolidate_known(consolidation, group, known) : absent);
  }
  return out;
}

Normalized normalize(std::vector<Series const*> const& series) {
  Normalized out;
  if (series.empty()) return out;
  out.start = series.front()->start;
  out.end = series.front()->end;
  for (auto const* one : series) {
    out.step = std::lcm(out.step, one->step);
    out.start = std::min(out.start, one->start);
    out.end = std::max(out.end, one->end);
  }
  out.end -= (out.end - out.start) % out.step;
  out.whole = true;
  for (auto const* one : series) {
    auto const per_point = static_cast<size_t>(out.step / one->step);
    out.whole = out.whole && one->whole && (per_point <= 1 || keeps_whole(one->consolidation));
    if (per_point <= 1) {
      out.columns.emplace_back(one->values);
    } else {
      out.consolidated.push_back(
          consolidate(one->values, per_point, one->consolidation, one->x_files_factor));
      out.columns.emplace_back(out.consolidated.back());
    }
    out.rows = std::max(out.rows, out.columns.back().size());
  }
  return out;
}

Normalized normalize(std::vector<Series> const& series) {
  std::vector<Series const*> pointers;
  pointers.reserve(series.size());
  for (auto const& one : series) pointers.push_back(&one);
  return normalize(pointers);
}

bool ColumnFold::can(Aggregation aggregation) {
  return aggregation == Aggregation::sum || aggregation == Aggregation::average ||
         aggregation == Aggregation::min || aggregation == Aggregation::max;
}

// Of a sum -0: the one number that changes none to which it is added.
ColumnFold::ColumnFold(Aggregation aggregation, size_t rows)
    : aggregation_(aggregation), values_(rows, -0.0), known_(rows, 0) {}

namespace {

#if defined(__x86_64__)
// Of as many as are whole vectors, returned by `row`; see add_values().
__attribute__((target("avx2"))) bool add_vectors(std::span<double const> column, double* sums,
                                                 size_t& row) {
  __m256d const none = _mm256_set1_pd(-0.0);
  __m256d all = _mm256_castsi256_pd(_mm256_set1_epi64x(-1));
  for (; row + 4 <= column.size(); row += 4) {
    __m256d const four = _mm256_loadu_pd(column.data() + row);
    __m256d const known = _mm256_cmp_pd(four, four, _CMP_ORD_Q);
    all = _mm256_and_pd(all, known);
    _mm256_storeu_pd(sums + row, _mm256_add_pd(_mm256_loadu_pd(sums + row),
                                               _mm256_blendv_pd(none, four, known)));
  }
  return _mm256_movemask_pd(all) == 0xf;
}
#endif

// Adds a column to the sums, absent values as -0; whether none is absent.
bool add_values(std::span<double const> column, double* sums) {
  TwoWords const none = std::bit_cast<TwoWords>(TwoDoubles{-0.0, -0.0});
  TwoWords absent_ones{};
  size_t row = 0;
  bool whole = true;
#if defined(__x86_64__)
  static bool const has_vectors = __builtin_cpu_supports("avx2") != 0;
  if (has_vectors) whole = add_vectors(column, sums, row);
#endif
  for (; row + 1 < column.size(); row += 2) {
    auto const two = two_at<TwoDoubles>(column.data() + row);
    auto const known = std::bit_cast<TwoWords>(two == two);
    absent_ones |= ~known;
    auto const added = (std::bit_cast<TwoWords>(two) & known) | (none & ~known);
    put_two(two_at<TwoDoubles>(sums + row) + std::bit_cast<TwoDoubles>(added), sums + row);
  }
  whole = whole && any_of(absent_ones) == 0;
  for (; row < column.size(); ++row) {
    whole = whole && !is_absent(column[row]);
    sums[row] += is_absent(column[row]) ? -0.0 : column[row];
  }
  return whole;
}

}  // namespace

void ColumnFold::add(std::span<double const> column) {
  ++columns_;
  double* const values = values_.data();
  std::uint32_t* const known = known_.data();
  if (aggregation_ == Aggregation::sum || aggregation_ == Aggregation::average) {
    if (add_values(column, values) && column.size() == values_.size()) {
      ++whole_columns_;
      return;
    }
    for (size_t row = 0; row < column.size(); ++row) known[row] += is_absent(column[row]) ? 0 : 1;
    return;
  }
  bool const least = aggregation_ == Aggregation::min;
  for (size_t row = 0; row < column.size(); ++row) {
    double const value = column[row];
    if (is_absent(value)) continue;
    bool const first = known[row]++ == 0;
    if (first || (least ? value < values[row] : values[row] < value)) values[row] = value;
  }
}

std::vector<double> ColumnFold::finish(double x_files_factor) {
  for (size_t row = 0; row < values_.size(); ++row) {
    size_t const known = whole_columns_ + known_[row];
    if (!enough_known(known, columns_, x_files_factor)) {
      values_[row] = absent;
    } else if (aggregation_ == Aggregation::average) {
      values_[row] /= static_cast<double>(known);
    }
  }
  return std::move(values_);
}

std::vector<double> aggregate_rows(Normalized const& series, Aggregation aggregation,
                                   double x_files_factor) {
  if (ColumnFold::can(aggregation)) {
    ColumnFold fold(aggregation, series.rows);
    for (auto const& column : series.columns) fold.add(column);
    return fold.finish(x_files_factor);
  }
  std::vector<double> out(series.rows, absent);
  std::vector<double> row_values(series.columns.size());
  for (size_t row = 0; row < series.rows; ++row) {
    size_t known = 0;
    for (size_t column = 0; column < series.columns.size(); ++column) {
      row_values[column] = series.at(column, row);
      known += is_absent(row_values[column]) ? 0 : 1;
    }
    if (enough_known(known, series.columns.size(), x_files_factor)) {
      out[row] = aggregate(aggregation, row_values);
    }
  }
  return out;
}

std::string joined_path_expressions(std::vector<Series> const& series) {
  std::string out;
  std::set<std::string_view> seen;
  for (auto const& one : series) {
    if (!seen.insert(one.path_expression).second) continue;
    if (!out.empty()) out += ',';
    out += one.path_expression;
  }
  return out;
}

}  // namespace dadvisor::graphite
