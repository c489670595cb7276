#include "aggregator/rollup/order_statistics.hpp"

#include <algorithm>
#include <cmath>

namespace dadvisor::aggregator::rollup {
namespace {

constexpr std::size_t sorted_at_once = 48;  // so few are sorted sooner than divided three times
constexpr std::size_t bytes_per_instance = 1280;  // a metric's windows of a period

}  // namespace

std::array<double, order_parts.size()> order_of(std::vector<double>& values) {
  std::array<double, order_parts.size()> found{};
  bool const few = values.size() <= sorted_at_once;
  if (few) std::ranges::sort(values);
  auto from = values.begin();
  for (std::size_t i = 0; i < order_parts.size(); ++i) {
    auto const rank = static_cast<std::ptrdiff_t>(
        std::ceil(order_parts[i].second * static_cast<double>(values.size())));
    auto const place = values.begin() + std::max<std::ptrdiff_t>(rank, 1) - 1;
    // What lies before `from` is not greater than what lies behind it.
    if (!few) std::nth_element(from, place, values.end());
    found[i] = *place;
    from = place;
  }
  return found;
}

std::vector<Metric const*> ordered_metrics(WindowLayout const& layout) {
  std::vector<Metric const*> metrics;
  for (WindowColumn const& column : layout.columns()) {
    bool const wanted = column.keeping == Keeping::order &&
                        std::ranges::find(metrics, column.metric) == metrics.end();
    if (wanted) metrics.push_back(column.metric);
  }
  return metrics;
}

OrderStatistics::OrderStatistics(WindowLayout const& layout, std::span<Metric const* const> metrics,
                                 Nanoseconds window, WallTime last, Spare spare,
                                 std::size_t least_bytes)
    : layout_(layout),
      metrics_(metrics.begin(), metrics.end()),
      window_(window),
      last_(last),
      spare_(spare),
      least_bytes_(least_bytes) {}

std::vector<MetricId> OrderStatistics::columns_of(std::span<MetricId const> columns) const {
  std::vector<MetricId> needed;
  for (MetricId const column : columns)
    if (std::ranges::any_of(metrics_, [&](Metric const* metric) {
          bool const ratio = metric->rollup == MetricRollup::ratio;
          return ratio ? column == metric->numerator || column == metric->denominator
                       : column == metric->id;
        }))
      needed.push_back(column);
  return needed;
}

void OrderStatistics::begin(WindowLayout const& layout) {
  instance_ = &layout;
  means_.clear();
}

void OrderStatistics::take(WindowRow const& row) {
  WallTime const begin = tick_of(row.window, window_);
  if (begin > last_) return;
  auto& means = means_[begin];
  means.resize(metrics_.size());
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    std::size_t const at = instance_->place(metrics_[i]->id);
    if (at == instance_->columns().size()) continue;
    if (instance_->columns()[at].keeping == Keeping::quotient) {
      // The quotient of the sums: count is the sum of denominators.
      auto const sums = quotient_sums(*instance_, row, at);
      if (!sums) continue;
      means[i].sum += sums->first;
      means[i].count += sums->second;
    } else if (WindowFigure const& figure = row.figures[at]; figure.count > 0) {
      bool const counter = metrics_[i]->kind == MetricKind::counter;
      // Counters per second: instances may have other steps than their app.
      double const seconds = counter ? std::chrono::duration<double>(row.step).count() : 1;
      means[i].sum += figure.sum / seconds;
      means[i].count += figure.count;
    }
  }
}

void OrderStatistics::end() {
  for (auto const& [window, means] : means_) {
    auto& values = values_[window];
    values.resize(metrics_.size());
    for (std::size_t i = 0; i < metrics_.size(); ++i) {
      if (means[i].count == 0) continue;
      double value = means[i].sum / means[i].count;
      if (metrics_[i]->rollup == MetricRollup::ratio) {
        auto const made = ratio_of(*metrics_[i], means[i].sum, means[i].count);
        if (!made || !std::isfinite(*made)) continue;
        value = *made;
      }
      auto& its = values[i];
      // A quarter more, not twice as much: they are many.
      if (its.size() == its.capacity()) its.reserve(its.size() + its.size() / 4 + 8);
      its.push_back(value);
      ++means_kept_;
    }
  }
  ++instances_;
  while ((metrics_.size() > 1 || values_.size() > 1) &&
         means_kept_ * sizeof(double) > std::max(least_bytes_, instances_ * bytes_per_instance))
    give_up_some();
}

void OrderStatistics::give_up_some() {
  bool const windows = values_.size() > 1 && (spare_ == Spare::windows || metrics_.size() == 1);
  windows ? give_up_windows() : give_up_metrics();
}

// The second half of them.
void OrderStatistics::give_up_metrics() {
  metrics_.resize((metrics_.size() + 1) / 2);
  for (auto& [window, values] : values_) {
    for (std::size_t i = metrics_.size(); i < values.size(); ++i) means_kept_ -= values[i].size();
    values.resize(metrics_.size());
  }
}

// The second half of them.
void OrderStatistics::give_up_windows() {
  auto first = std::next(values_.begin(), static_cast<std::ptrdiff_t>((values_.size() + 1) / 2));
  last_ = std::prev(first)->first;
  for (auto window = first; window != values_.end(); ++window)
    for (auto const& its : window->second) means_kept_ -= its.size();
  values_.erase(first, values_.end());
}

void OrderStatistics::fill(WindowRow& row) const {
  auto const found = values_.find(row.window);
  if (found == values_.end()) return;
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    if (found->second[i].empty()) continue;
    bool const counter = metrics_[i]->kind == MetricKind::counter;
    double const seconds = counter ? std::chrono::duration<double>(row.step).count() : 1;
    auto values = found->second[i];
    auto const order = order_of(values);
    for (std::size_t part = 0; part < order_parts.size(); ++part) {
      std::size_t const at = layout_.place(rollup_column(metrics_[i]->id, order_parts[part].first));
      if (at == layout_.columns().size()) continue;
      double const value = order[part] * seconds;
      row.figures[at] = {value, value, value, value, 1};
    }
  }
}

}  // namespace dadvisor::aggregator::rollup
