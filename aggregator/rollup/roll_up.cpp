#include "aggregator/rollup/roll_up.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "aggregator/rollup/order_statistics.hpp"
#include "aggregator/rollup/ranked_figures.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();
constexpr MetricId expected_column = rollup_column(metric::state_expected, RollupPart::all);

// How the values of one column of several rows become one.
enum class Combining : std::uint8_t { add, least, greatest, last, never };

struct Column {
  MetricId id = 0;
  Combining combining = Combining::never;
  bool increase = false;  // within the row's window
};

Combining combining_of(Metric const& metric, RollupPart part) {
  if (is_order(part)) return Combining::never;
  switch (part) {
    case RollupPart::min:
      return Combining::least;
    case RollupPart::max:
      return Combining::greatest;
    case RollupPart::all:
      if (metric.id == metric::state_expected) return Combining::add;
      return metric.rollup == MetricRollup::max ? Combining::greatest : Combining::last;
    default:
      return Combining::add;
  }
}

// Every column that a row may have, and for each figure where its parts stand among them.
class RowColumns {
 public:
  RowColumns() {
    for (Metric const& metric : metrics()) {
      if (!metric.on_container) continue;
      for (RollupPart const part : parts_of(metric)) add(metric, part);
    }
    add(*find_metric(metric::state_expected), RollupPart::all);
    std::ranges::sort(columns_, {}, &Column::id);
    for (Column const& column : columns_) ids_.push_back(column.id);
    for (Metric const* metric : figure_metrics()) {
      figures_.push_back(places_of(metric->id));
      counters_.push_back(metric->kind == MetricKind::counter ? 1 : 0);
    }
    for (Metric const& metric : metrics())
      if (metric.rollup == MetricRollup::ratio && metric.on_container)
        ratios_.push_back({&metric, *figure_index(metric.numerator),
                           *figure_index(metric.denominator), places_of(metric.id)});
    expected_ = place(expected_column);
  }

  using Places = std::array<std::uint16_t, 8>;  // by RollupPart
  struct Ratio {
    Metric const* metric;
    std::size_t top, bottom;  // of figure_metrics()
    Places places;
  };
  std::vector<MetricId> const& ids() const { return ids_; }
  Column const& operator[](std::size_t place) const { return columns_[place]; }
  Places const& of_figure(std::size_t index) const { return figures_[index]; }
  // Of each figure whether it is a counter's.
  std::vector<std::uint8_t> const& counters() const { return counters_; }
  std::vector<Ratio> const& ratios() const { return ratios_; }
  std::size_t expected() const { return expected_; }

 private:
  static std::vector<RollupPart> parts_of(Metric const& metric) {
    using enum RollupPart;
    std::vector<RollupPart> parts;
    if (metric.ranked)
      for (auto const& [part, fraction] : order_parts) parts.push_back(part);
    switch (metric.rollup) {
      case MetricRollup::add:
        parts.insert(parts.end(), {sum, min, max, count});
        break;
      case MetricRollup::ratio:
        parts.insert(parts.end(), {numerator, denominator});
        break;
      case MetricRollup::max:
      case MetricRollup::last:
        parts.push_back(all);
    }
    return parts;
  }
  void add(Metric const& metric, RollupPart part) {
    bool const increase = metric.kind == MetricKind::counter && part != RollupPart::count;
    columns_.push_back({rollup_column(metric.id, part), combining_of(metric, part), increase});
  }
  std::size_t place(MetricId column) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(ids_, column) - ids_.begin());
  }
  Places places_of(MetricId metric) const {
    Places places{};
    for (std::size_t part = 0; part < places.size(); ++part)
      places[part] =
          static_cast<std::uint16_t>(place(rollup_column(metric, static_cast<RollupPart>(part))));
    return places;
  }

  std::vector<Column> columns_;  // by id ascending
  std::vector<MetricId> ids_;
  std::vector<Places> figures_;
  std::vector<std::uint8_t> counters_;
  std::vector<Ratio> ratios_;
  std::size_t expected_ = 0;
};

RowColumns const& row_columns() {
  static RowColumns const made;
  return made;
}

// A row in the making: a value per column, NaN where there is none.
class Cells {
 public:
  Cells() : values_(row_columns().ids().size(), absent) {}

  double& operator[](std::size_t place) { return values_[place]; }
  RollupRow row(Nanoseconds window) const {
    auto const& ids = row_columns().ids();
    RollupRow made;
    made.window = window;
    made.columns.reserve(values_.size());
    made.values.reserve(values_.size());
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (std::isnan(values_[i])) continue;
      made.columns.push_back(ids[i]);
      made.values.push_back(values_[i]);
    }
    return made;
  }

 private:
  std::vector<double> values_;
};

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void combine(double& into, double value, Combining how) {
  if (std::isnan(into)) {
    into = value;
    return;
  }
  switch (how) {
    case Combining::add:
      into += value;
      return;
    case Combining::least:
      into = std::min(into, value);
      return;
    case Combining::greatest:
      into = std::max(into, value);
      return;
    case Combining::last:
      into = value;
      return;
    case Combining::never:
      return;
  }
}

// What the instances say of one figure.
struct FigureSums {
  double sum = 0, min = 0, max = 0, count = 0, last = 0;
};

// Instance by instance, as they lie in memory.
void put_figures(std::span<Figures const* const> instances, double window, Cells& cells) {
  auto const metrics = figure_metrics();
  std::vector<FigureSums> sums(metrics.size());
  auto const& is_counter = row_columns().counters();
  for (Figures const* figures : instances) {
    std::size_t const known = std::min(figures->size(), metrics.size());
    for (std::size_t i = 0; i < known; ++i) {
      double value = (*figures)[i];
      if (std::isnan(value)) continue;
      if (is_counter[i] != 0) value = increase_of(value, window);
      FigureSums& its = sums[i];
      its.min = its.count == 0 ? value : std::min(its.min, value);
      its.max = its.count == 0 ? value : std::max(its.max, value);
      its.sum += value;
      its.last = value;
      ++its.count;
    }
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    FigureSums const& its = sums[i];
    if (its.count == 0) continue;
    auto const& places = row_columns().of_figure(i);
    auto const set = [&](RollupPart part, double value) {
      cells[places[static_cast<std::size_t>(part)]] = value;
    };
    if (metrics[i]->rollup == MetricRollup::add) {
      set(RollupPart::sum, its.sum);
      set(RollupPart::min, its.min);
      set(RollupPart::max, its.max);
      set(RollupPart::count, its.count);
    } else {
      set(RollupPart::all, metrics[i]->rollup == MetricRollup::max ? its.max : its.last);
    }
  }
}

// Gauges as shown, counters as shown rates, so that a quotient needs no window.
void put_ratio(std::span<Figures const* const> instances, RowColumns::Ratio const& ratio,
               Cells& cells) {
  Metric const& numerator = *figure_metrics()[ratio.top];
  Metric const& denominator = *figure_metrics()[ratio.bottom];
  double above = 0, below = 0;
  bool any = false;
  for (Figures const* figures : instances) {
    if (figures->empty()) continue;
    double const top = (*figures)[ratio.top], bottom = (*figures)[ratio.bottom];
    if (std::isnan(top) || std::isnan(bottom)) continue;
    above += shown(numerator, top);
    below += shown(denominator, bottom);
    any = true;
  }
  if (!any) return;
  cells[ratio.places[static_cast<std::size_t>(RollupPart::numerator)]] = above;
  cells[ratio.places[static_cast<std::size_t>(RollupPart::denominator)]] = below;
}

}  // namespace

// A rate times its window is the increase that it was made of: without rounding it is a few bits
// off, and whole numbers are stored in a third of the room.
double increase_of(double per_second, double window_seconds) {
  constexpr double all_whole = 4'503'599'627'370'496;  // 2^52: from here on there are no others
  double const value = per_second * window_seconds;
  if (!(std::abs(value) < all_whole)) return value;
  // Truncation is one instruction, std::round() a call.
  auto const whole =
      static_cast<double>(static_cast<std::int64_t>(value + std::copysign(0.5, value)));
  return std::abs(value - whole) <= std::abs(value) * 1e-12 ? whole : value;
}

std::optional<double> RollupRow::value(MetricId column) const {
  auto const found = std::ranges::lower_bound(columns, column);
  if (found == columns.end() || *found != column) return std::nullopt;
  return values[static_cast<std::size_t>(found - columns.begin())];
}

std::span<MetricId const> rollup_columns() { return row_columns().ids(); }

RollupRow roll_up(std::span<Figures const* const> instances, double expected, Nanoseconds window) {
  Cells cells;
  put_figures(instances, seconds(window), cells);
  for (RowColumns::Ratio const& ratio : row_columns().ratios()) put_ratio(instances, ratio, cells);
  cells[row_columns().expected()] = expected;
  RankedFigures ranked(window);
  ranked.expect(instances.size());
  for (Figures const* figures : instances) ranked.take(*figures);
  RollupRow row = cells.row(window);
  ranked.put_into(row);
  return row;
}

RollupRow merge(std::span<RollupRow const* const> rows, Nanoseconds window) {
  RowColumns const& all = row_columns();
  auto const& ids = all.ids();
  Cells cells;
  for (RollupRow const* row : rows) {
    bool const rescale = row->window != window && row->window > Nanoseconds::zero();
    double const factor = rescale ? seconds(window) / seconds(row->window) : 1;
    std::size_t place = 0;  // both are ascending
    for (std::size_t i = 0; i < row->columns.size(); ++i) {
      while (place < ids.size() && ids[place] < row->columns[i]) ++place;
      if (place == ids.size() || ids[place] != row->columns[i]) continue;
      Column const& column = all[place];
      if (column.combining == Combining::never) continue;
      bool const scaled = rescale && column.increase;
      combine(cells[place], scaled ? row->values[i] * factor : row->values[i], column.combining);
    }
  }
  return cells.row(window);
}

}  // namespace dadvisor::aggregator::rollup
