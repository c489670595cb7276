#include "aggregator/rollup/ranked_figures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "aggregator/rollup/order_statistics.hpp"
#include "aggregator/rollup/roll_up.hpp"

namespace dadvisor::aggregator::rollup {
namespace {

// From stored to shown units as shown() does it, its quotient made once.
class Shown {
 public:
  explicit Shown(Metric const& metric)
      : divides_(metric.scale < 1), by_(divides_ ? std::round(1 / metric.scale) : metric.scale) {}
  double of(double stored) const { return divides_ ? stored / by_ : stored * by_; }

 private:
  bool divides_;
  double by_;
};

// A ranked metric and where its figure, or the two that it is made of, stand in Figures.
struct Ranked {
  Metric const* metric;
  std::size_t top, bottom;
  bool ratio, counter;
  Shown shown_top, shown_bottom;
};

std::vector<Ranked> const& ranked_metrics() {
  static std::vector<Ranked> const made = [] {
    std::vector<Ranked> all;
    for (Metric const& metric : metrics()) {
      if (!metric.ranked || !metric.on_container) continue;
      bool const ratio = metric.rollup == MetricRollup::ratio;
      auto const top = figure_index(ratio ? metric.numerator : metric.id);
      auto const bottom = figure_index(ratio ? metric.denominator : metric.id);
      if (top && bottom)
        all.push_back({&metric, *top, *bottom, ratio, metric.kind == MetricKind::counter,
                       Shown(*figure_metrics()[*top]), Shown(*figure_metrics()[*bottom])});
    }
    std::ranges::sort(all, {}, [](Ranked const& one) { return one.metric->id; });
    return all;
  }();
  return made;
}

// NaN: it has none. Of a counter its rate.
double figure_of(Ranked const& ranked, double top, double bottom) {
  constexpr double lacking = std::numeric_limits<double>::quiet_NaN();
  if (std::isnan(top) || std::isnan(bottom)) return lacking;
  if (!ranked.ratio) return top;
  auto const own =
      ratio_of(*ranked.metric, ranked.shown_top.of(top), ranked.shown_bottom.of(bottom));
  return own && std::isfinite(*own) ? *own : lacking;
}

}  // namespace

Schema const& ranked_schema() {
  static Schema const made = [] {
    std::set<std::size_t> places;
    for (Ranked const& ranked : ranked_metrics()) places.insert({ranked.top, ranked.bottom});
    Schema schema;
    for (std::size_t const place : places) schema.metrics.push_back(figure_metrics()[place]->id);
    return schema;
  }();
  return made;
}

RankedFigures::RankedFigures() : values_(ranked_metrics().size()) {}

void RankedFigures::expect(std::size_t instances) {
  for (auto& values : values_) values.reserve(instances);
}

void RankedFigures::take(Figures const& instance) {
  if (instance.empty()) return;
  auto const& ranked = ranked_metrics();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    double const value = figure_of(ranked[i], instance[ranked[i].top], instance[ranked[i].bottom]);
    if (!std::isnan(value)) values_[i].push_back(value);
  }
}

void RankedFigures::take(FigureColumns const& columns, std::span<std::uint32_t const> places,
                         std::span<RankedFigures> by_tick) {
  auto const& ranked = ranked_metrics();
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    auto const tops = columns[ranked[i].top], bottoms = columns[ranked[i].bottom];
    if (tops.empty() || bottoms.empty()) continue;
    for (std::size_t row = 0; row < places.size(); ++row) {
      if (places[row] == no_place) continue;
      double const value = figure_of(ranked[i], tops[row], bottoms[row]);
      if (!std::isnan(value)) by_tick[places[row]].values_[i].push_back(value);
    }
  }
}

void RankedFigures::take(RankedFigures const& more) {
  for (std::size_t i = 0; i < values_.size(); ++i)
    values_[i].insert(values_[i].end(), more.values_[i].begin(), more.values_[i].end());
}

void RankedFigures::put_into(RollupRow& row) {
  double const seconds = std::chrono::duration<double>(row.window).count();
  // Ids of p50 lie above those of all other parts, those of p95 above them, p99 last.
  std::vector<std::array<double, order_parts.size()>> orders;
  for (auto& values : values_)
    orders.push_back(values.empty() ? std::array<double, order_parts.size()>{} : order_of(values));
  for (std::size_t part = 0; part < order_parts.size(); ++part)
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i].empty()) continue;
      Ranked const& ranked = ranked_metrics()[i];
      row.columns.push_back(rollup_column(ranked.metric->id, order_parts[part].first));
      // Of greater rates the increase is not less: the order is the same.
      double const value = orders[i][part];
      row.values.push_back(ranked.counter && !ranked.ratio ? increase_of(value, seconds) : value);
    }
}

}  // namespace dadvisor::aggregator::rollup
