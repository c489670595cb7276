#include "graphite-bridge/functions/sliding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>

namespace dadvisor::graphite::functions {
namespace {

using std::size_t;

// What is known of some neighbouring values. A default one is of no values; join() is associative,
// which is all that sliding needs.
struct Summary {
  size_t known = 0;
  double sum = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double first = absent;
  double last = absent;

  static Summary of(double value) {
    return is_absent(value) ? Summary{} : Summary{1, value, value, value, value, value};
  }
  static Summary join(Summary const& left, Summary const& right) {
    if (left.known == 0) return right;
    if (right.known == 0) return left;
    return {left.known + right.known,      left.sum + right.sum, std::min(left.min, right.min),
            std::max(left.max, right.max), left.first,           right.last};
  }
  double result(Aggregation aggregation) const {
    switch (aggregation) {
      case Aggregation::sum:
        return sum;
      case Aggregation::min:
        return min;
      case Aggregation::max:
        return max;
      case Aggregation::range:
        return max - min;
      case Aggregation::last:
        return last;
      case Aggregation::count:
        return static_cast<double>(known);
      case Aggregation::diff:
        return first - (sum - first);
      default:  // average; avg_zero is the same where absent values are left out
        return sum / static_cast<double>(known);
    }
  }
};

struct Product {
  size_t known = 0;
  double product = 1;

  static Product of(double value) { return is_absent(value) ? Product{} : Product{1, value}; }
  static Product join(Product const& left, Product const& right) {
    return {left.known + right.known, left.product * right.product};
  }
  double result(Aggregation) const { return product; }
};

// Chan, Golub, LeVeque: variances of two parts into that of the whole.
struct Spread {
  size_t known = 0;
  double mean = 0;
  double squares = 0;  // of the distances from the mean

  static Spread of(double value) { return is_absent(value) ? Spread{} : Spread{1, value, 0}; }
  static Spread join(Spread const& left, Spread const& right) {
    if (left.known == 0) return right;
    if (right.known == 0) return left;
    auto const all = static_cast<double>(left.known + right.known);
    double const share = static_cast<double>(right.known) / all;
    double const distance = right.mean - left.mean;
    return {left.known + right.known, left.mean + distance * share,
            left.squares + right.squares +
                distance * distance * share * static_cast<double>(left.known)};
  }
  double result(Aggregation) const { return std::sqrt(squares / static_cast<double>(known)); }
};

// Cuts the values into blocks of the window's width (van Herk): each window is the end of one
// block and the beginning of the next.
template <typename Part>
std::vector<double> slide(std::span<double const> values, size_t width, Aggregation aggregation,
                          double x_files_factor, QueryBudget* budget) {
  size_t const windows = values.size() - width;
  std::vector<double> out(windows, absent);
  std::vector<Part> endings(width);
  for (size_t block = 0; block < windows; block += width) {
    if (!work(budget, width)) return {};
    Part ending;
    for (size_t i = width; i-- > 0;) {
      ending = Part::join(Part::of(values[block + i]), ending);
      endings[i] = ending;
    }
    Part beginning;
    for (size_t i = 0; i < width && block + i < windows; ++i) {
      auto const whole = Part::join(endings[i], beginning);
      if (enough_known(whole.known, width, x_files_factor)) {
        out[block + i] = whole.result(aggregation);
      }
      beginning = Part::join(beginning, Part::of(values[block + width + i]));
    }
  }
  return out;
}

// How many of the ranks in the window are at most so high (a Fenwick tree).
class RankCounts {
 public:
  explicit RankCounts(size_t ranks) : tree_(ranks + 1, 0), top_(std::bit_floor(ranks)) {}

  void add(size_t rank, int change) {
    for (size_t i = rank + 1; i < tree_.size(); i += i & (~i + 1)) {
      tree_[i] = static_cast<std::uint32_t>(static_cast<std::int64_t>(tree_[i]) + change);
    }
  }
  // The rank that has `position` others below it in the window; there must be one.
  size_t at(size_t position) const {
    size_t rank = 0;
    for (size_t stride = top_; stride > 0; stride /= 2) {
      if (rank + stride >= tree_.size() || tree_[rank + stride] > position) continue;
      rank += stride;
      position -= tree_[rank];
    }
    return rank;
  }

 private:
  std::vector<std::uint32_t> tree_;
  size_t top_;
};

// Sorts piece by piece, so that it may leave off between two: false where the budget ends.
template <typename Less>
bool sort_while(std::vector<std::uint32_t>& order, Less const& less, QueryBudget* budget) {
  constexpr size_t piece = 1 << 14, steps_a_place = 4;
  auto const at = [&](size_t place) {
    return order.begin() + static_cast<std::ptrdiff_t>(std::min(place, order.size()));
  };
  for (size_t begin = 0; begin < order.size(); begin += piece) {
    if (!work(budget, piece * steps_a_place)) return false;
    std::sort(at(begin), at(begin + piece), less);
  }
  for (size_t half = piece; half < order.size(); half *= 2)
    for (size_t begin = 0; begin + half < order.size(); begin += 2 * half) {
      if (!work(budget, half)) return false;
      std::inplace_merge(at(begin), at(begin + half), at(begin + 2 * half), less);
    }
  return true;
}

std::vector<double> slide_median(std::span<double const> values, size_t width,
                                 double x_files_factor, QueryBudget* budget) {
  std::vector<std::uint32_t> order;  // places of known values, least value first
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    if (!is_absent(values[i])) order.push_back(i);
  }
  auto const less = [&](std::uint32_t a, std::uint32_t b) {
    return values[a] < values[b] || (values[a] == values[b] && a < b);
  };
  if (!sort_while(order, less, budget)) return {};
  std::vector<std::uint32_t> ranks(values.size(), 0);
  for (std::uint32_t rank = 0; rank < order.size(); ++rank) ranks[order[rank]] = rank;
  size_t const windows = values.size() - width;
  std::vector<double> out(windows, absent);
  RankCounts counts(order.size());
  size_t known = 0;
  auto const change = [&](size_t place, int by) {
    if (is_absent(values[place])) return;
    counts.add(ranks[place], by);
    known = by > 0 ? known + 1 : known - 1;
  };
  constexpr size_t steps_a_change = 8;
  for (size_t place = 0; place < width && work(budget, steps_a_change); ++place) change(place, 1);
  for (size_t i = 0; i < windows; ++i) {
    if (!work(budget, 2 * steps_a_change)) return {};
    if (enough_known(known, width, x_files_factor)) {
      double const middle = values[order[counts.at(known / 2)]];
      out[i] = known % 2 == 1 ? middle : (values[order[counts.at(known / 2 - 1)]] + middle) / 2;
    }
    change(i, -1);
    change(i + width, 1);
  }
  return out;
}

// What rounds, in short windows: as graphite-web takes it, each window from its first value on, so
// that the same is lost to rounding, and the same by windows of the same values.
std::vector<double> fold_windows(std::span<double const> values, size_t width,
                                 Aggregation aggregation, double x_files_factor,
                                 QueryBudget* budget) {
  // Windows are the rows of columns of which each begins a value later.
  ColumnFold fold(aggregation, values.size() - width);
  for (size_t column = 0; column < width; ++column) {
    if (!work(budget, values.size() - width)) return {};
    fold.add(values.subspan(column, values.size() - width));
  }
  return fold.finish(x_files_factor);
}

std::vector<double> each_window(std::span<double const> values, size_t width,
                                Aggregation aggregation, double x_files_factor,
                                QueryBudget* budget) {
  std::vector<double> out(values.size() - width, absent);
  std::vector<double> known;
  for (size_t i = 0; i < out.size(); ++i) {
    if (!work(budget, width)) return {};
    known.clear();
    std::ranges::copy_if(values.subspan(i, width), std::back_inserter(known),
                         [](double value) { return !is_absent(value); });
    if (enough_known(known.size(), width, x_files_factor)) out[i] = aggregate(aggregation, known);
  }
  return out;
}

}  // namespace

std::vector<double> aggregate_windows(std::span<double const> values, size_t width,
                                      Aggregation aggregation, double x_files_factor,
                                      QueryBudget* budget) {
  if (width >= values.size()) return {};
  if (width == 0) return std::vector<double>(values.size(), absent);
  constexpr size_t short_width = 10;  // by which sums take about as long as by what is below
  if (width <= short_width) {
    // Absent values are left out, and so none is 0.
    if (aggregation == Aggregation::avg_zero) aggregation = Aggregation::average;
    if (aggregation == Aggregation::sum || aggregation == Aggregation::average)
      return fold_windows(values, width, aggregation, x_files_factor, budget);
    if (aggregation == Aggregation::diff || aggregation == Aggregation::stddev ||
        aggregation == Aggregation::multiply)
      return each_window(values, width, aggregation, x_files_factor, budget);
  }
  switch (aggregation) {
    case Aggregation::median:
      return slide_median(values, width, x_files_factor, budget);
    case Aggregation::multiply:
      return slide<Product>(values, width, aggregation, x_files_factor, budget);
    case Aggregation::stddev:
      return slide<Spread>(values, width, aggregation, x_files_factor, budget);
    default:
      return slide<Summary>(values, width, aggregation, x_files_factor, budget);
  }
}

}  // namespace dadvisor::graphite::functions
