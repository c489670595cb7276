#include "aggregator/rollup/window_folder.hpp"

#include <algorithm>
#include <cmath>

namespace dadvisor::aggregator::rollup {
namespace {

double stored_value(Metric const& metric, std::int64_t cell) {
  return metric.type == MetricType::real ? cell_real(cell) : static_cast<double>(cell);
}

}  // namespace

WindowFolder::WindowFolder(WindowLayout const& layout, Nanoseconds window, Nanoseconds step,
                           CounterRates* rates)
    : layout_(layout), window_(window), step_(step), rates_(rates) {
  for (MetricId const column : layout.finest())
    if (column != row_step_column) places_.push_back(layout.place(column));
  auto const finest = [&](MetricId column) {
    auto const found = std::ranges::lower_bound(layout.finest(), column);
    return static_cast<std::size_t>(found - layout.finest().begin());
  };
  for (std::size_t at = 0; at < layout.columns().size(); ++at) {
    WindowColumn const& column = layout.columns()[at];
    if (column.keeping != Keeping::quotient) continue;
    MetricId const top = rollup_column(column.metric->id, RollupPart::numerator);
    MetricId const bottom = rollup_column(column.metric->id, RollupPart::denominator);
    bool const raw = !is_rolled_up(layout.kind());
    quotients_.push_back({at, finest(raw ? column.metric->numerator : top),
                          finest(raw ? column.metric->denominator : bottom), layout.place(top),
                          layout.place(bottom)});
  }
  clear_window(layout_, row_);
}

// A counter as its rate, a gauge as it is, as shown; a part of a rollup row as it stands there.
std::optional<double> WindowFolder::operand(std::size_t finest, std::span<Cell const> cells) const {
  if (!cells[finest]) return {};
  if (is_rolled_up(layout_.kind())) return cell_real(*cells[finest]);
  Metric const& metric = *layout_.columns()[places_[finest]].metric;
  if (metric.kind == MetricKind::gauge) return shown(metric, stored_value(metric, *cells[finest]));
  auto const rate = rates_->per_second(finest);
  if (!rate) return {};
  return shown(metric, *rate);
}

void WindowFolder::take_quotient(std::size_t index, std::span<Cell const> cells) {
  Quotient const& its = quotients_[index];
  auto const top = operand(its.top, cells), bottom = operand(its.bottom, cells);
  if (!top || !bottom) return;
  if (!is_rolled_up(layout_.kind())) {
    row_.figures[its.top_sum].take(*top);
    row_.figures[its.bottom_sum].take(*bottom);
  }
  auto const made = ratio_of(*layout_.columns()[its.at].metric, *top, *bottom);
  if (made && std::isfinite(*made)) row_.figures[its.at].take(*made);
}

// Rows of apps are never taken back: one that should not be there says that nothing is expected.
bool WindowFolder::says_nothing(std::span<Cell const> cells) const {
  if (places_.empty()) return false;
  constexpr MetricId expected = rollup_column(metric::state_expected, RollupPart::all);
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (cells[i] && (layout_.finest()[i] != expected || cell_real(*cells[i]) != 0)) return false;
  return true;
}

void WindowFolder::take(WallTime tick, std::span<Cell const> cells, WindowVisitor const& visit) {
  if (!rates_ && says_nothing(cells)) return;
  WallTime const window = tick_of(tick, window_);
  if (row_.ticks > 0 && row_.window != window) finish(visit);
  Nanoseconds step = step_;
  if (!rates_ && places_.size() < cells.size() && cells.back()) step = Nanoseconds(*cells.back());
  if (row_.ticks > 0) rescale_window(layout_, row_, step);
  row_.window = window;
  row_.step = step;
  ++row_.ticks;
  if (rates_) rates_->take(tick, cells);
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!cells[i]) continue;
    std::size_t const at = places_[i];
    WindowColumn const& column = layout_.columns()[at];
    switch (column.keeping) {
      case Keeping::counter:
        row_.readings[at] = cells[i];
        row_.increases[at] += rates_->increase(i).value_or(0);
        if (auto const rise = rates_->per_step(i)) row_.figures[at].take(*rise);
        break;
      case Keeping::gauge:
        row_.figures[at].take(stored_value(*column.metric, *cells[i]));
        break;
      default:
        row_.figures[at].take(cell_real(*cells[i]));
    }
  }
  for (std::size_t i = 0; i < quotients_.size(); ++i) take_quotient(i, cells);
}

void WindowFolder::settle() {
  settle_window(layout_, row_);
  if (is_rolled_up(layout_.kind())) return;
  for (Quotient const& its : quotients_) {
    WindowFigure const& bottom = row_.figures[places_[its.bottom]];
    if (bottom.count != row_.ticks || bottom.min != bottom.max) continue;
    row_.figures[its.at] = row_.figures[its.top_sum] = row_.figures[its.bottom_sum] = {};
  }
}

void WindowFolder::finish(WindowVisitor const& visit) {
  if (row_.ticks == 0) return;
  settle();
  visit(row_);
  clear_window(layout_, row_);
}

}  // namespace dadvisor::aggregator::rollup
