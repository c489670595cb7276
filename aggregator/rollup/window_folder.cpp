#include "aggregator/rollup/window_folder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dadvisor::aggregator::rollup {
namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();

double stored_value(Metric const& metric, std::int64_t cell) {
  return metric.type == MetricType::real ? cell_real(cell) : static_cast<double>(cell);
}

bool has(store::SelectedColumn const& column, std::size_t row) {
  return column.has.empty() || column.has[row] != 0;
}

}  // namespace

WindowFolder::WindowFolder(WindowLayout const& layout, Nanoseconds window, Nanoseconds step,
                           CounterRates* rates)
    : layout_(layout), window_(window), step_(step), rates_(rates) {
  auto const& finest = layout.finest();
  says_step_ = !rates && !finest.empty() && finest.back() == row_step_column;
  for (MetricId const column : finest)
    if (column != row_step_column) places_.push_back(layout.place(column));
  last_.resize(places_.size());
  operands_.resize(places_.size());
  auto const place = [&](MetricId column) {
    auto const found = std::ranges::lower_bound(finest, column);
    return static_cast<std::size_t>(found - finest.begin());
  };
  for (std::size_t at = 0; at < layout.columns().size(); ++at) {
    WindowColumn const& column = layout.columns()[at];
    if (column.keeping != Keeping::quotient) continue;
    MetricId const top = rollup_column(column.metric->id, RollupPart::numerator);
    MetricId const bottom = rollup_column(column.metric->id, RollupPart::denominator);
    bool const raw = !is_rolled_up(layout.kind());
    quotients_.push_back({at, place(raw ? column.metric->numerator : top),
                          place(raw ? column.metric->denominator : bottom), layout.place(top),
                          layout.place(bottom)});
    // Marked as wanted; each part of the rows gives it its length.
    operands_[quotients_.back().top].assign(1, absent);
    operands_[quotients_.back().bottom].assign(1, absent);
  }
}

void WindowFolder::take_before(Ticks ticks, Columns columns) {
  if (ticks.empty()) return;  // then there may be no columns either
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (layout_.columns()[places_[i]].keeping != Keeping::counter) continue;
    for (std::size_t row = ticks.size(); row-- > 0;) {
      if (!has(columns[i], row)) continue;
      last_[i] = Reading{store::from_tick_ns(ticks[row]), columns[i].values[row]};
      break;
    }
  }
}

// Rows of apps are never taken back: one that should not be there says that nothing is expected.
void WindowFolder::find_silent(Ticks ticks, Columns columns) {
  silent_.clear();
  if (rates_ || places_.empty()) return;
  constexpr MetricId expected = rollup_column(metric::state_expected, RollupPart::all);
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (columns[i].has.empty() && layout_.finest()[i] != expected) return;
  silent_.assign(ticks.size(), 1);
  for (std::size_t i = 0; i < places_.size(); ++i)
    for (std::size_t row = 0; row < ticks.size(); ++row)
      if (has(columns[i], row) &&
          (layout_.finest()[i] != expected || cell_real(columns[i].values[row]) != 0))
        silent_[row] = 0;
}

Nanoseconds WindowFolder::step_of(Part const& part, std::size_t row) const {
  if (!says_step_ || !has(part.columns.back(), row)) return step_;
  return Nanoseconds(part.columns.back().values[row]);
}

// Begins as many windows as are folded at once; returns the first row behind them.
std::size_t WindowFolder::begin_windows(Part const& part) {
  std::size_t row = part.first;
  ends_.clear();
  rows_.resize(most_windows);
  store::TickNs until = std::numeric_limits<store::TickNs>::min();  // of the window, not with it
  for (; row < part.ticks.size(); ++row) {
    if (part.ticks[row] >= until) {
      if (is_silent(row)) continue;
      if (ends_.size() == most_windows) break;
      WallTime const window = tick_of(store::from_tick_ns(part.ticks[row]), window_);
      until = store::tick_ns(window + window_);
      clear_window(layout_, rows_[ends_.size()]);
      rows_[ends_.size()].window = window;
      ends_.push_back(row);
    }
    ends_.back() = row + 1;
    if (is_silent(row)) continue;
    rows_[ends_.size() - 1].step = step_of(part, row);
    ++rows_[ends_.size() - 1].ticks;
  }
  return row;
}

// Room for a value per row of the part, NaN so far; null where no quotient needs the column.
double* WindowFolder::begin_operand(Part const& part, std::size_t finest) {
  auto& operand = operands_[finest];
  if (operand.empty()) return nullptr;
  operand.assign(std::max<std::size_t>(ends_.back() - part.first, 1), absent);
  return operand.data();
}

void WindowFolder::fold_counter(Part const& part, std::size_t finest) {
  store::SelectedColumn const& column = part.columns[finest];
  std::size_t const at = places_[finest];
  Metric const& metric = *layout_.columns()[at].metric;
  double const seconds = std::chrono::duration<double>(step_).count();
  double* const operand = begin_operand(part, finest);
  std::optional<Reading>& last = last_[finest];
  std::size_t row = part.first;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    WindowFigure figure;
    double increase = 0;
    for (; row < ends_[i]; ++row) {
      if (!has(column, row)) continue;
      Reading const now{store::from_tick_ns(part.ticks[row]), column.values[row]};
      auto const before = last ? last : rates_->first_reading(now.tick);
      last = now;
      rows_[i].readings[at] = now.value;
      auto const made = before ? counter_step(*before, now, step_) : std::nullopt;
      if (!made) continue;
      increase += made->increase;
      if (!made->per_second) continue;
      bool const one_step = now.tick - before->tick == step_;
      figure.take(one_step ? made->increase : *made->per_second * seconds);
      if (operand != nullptr) operand[row - part.first] = shown(metric, *made->per_second);
    }
    rows_[i].figures[at] = figure;
    rows_[i].increases[at] = increase;
  }
}

void WindowFolder::fold_gauge(Part const& part, std::size_t finest) {
  store::SelectedColumn const& column = part.columns[finest];
  std::size_t const at = places_[finest];
  Metric const& metric = *layout_.columns()[at].metric;
  double* const operand = begin_operand(part, finest);
  std::size_t row = part.first;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    WindowFigure figure;
    for (; row < ends_[i]; ++row) {
      if (!has(column, row)) continue;
      double const value = stored_value(metric, column.values[row]);
      figure.take(value);
      if (operand != nullptr) operand[row - part.first] = shown(metric, value);
    }
    rows_[i].figures[at] = figure;
  }
}

void WindowFolder::fold_rolled_up(Part const& part, std::size_t finest) {
  store::SelectedColumn const& column = part.columns[finest];
  std::size_t const at = places_[finest];
  bool const per_step = says_step_ && is_per_step(layout_.columns()[at]);
  double* const operand = begin_operand(part, finest);
  std::size_t row = part.first;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    WindowFigure figure;
    Nanoseconds step{};
    for (; row < ends_[i]; ++row) {
      if (is_silent(row)) continue;
      if (per_step) {
        Nanoseconds const its = step_of(part, row);
        rescale_figure(figure, step, its);
        step = its;
      }
      if (!has(column, row)) continue;
      double const value = cell_real(column.values[row]);
      figure.take(value);
      if (operand != nullptr) operand[row - part.first] = value;
    }
    rows_[i].figures[at] = figure;
  }
}

void WindowFolder::fold_quotient(Part const& part, Quotient const& quotient) {
  Metric const& metric = *layout_.columns()[quotient.at].metric;
  auto const& tops = operands_[quotient.top];
  auto const& bottoms = operands_[quotient.bottom];
  bool const raw = !is_rolled_up(layout_.kind());
  std::size_t row = part.first;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    auto& figures = rows_[i].figures;
    for (; row < ends_[i]; ++row) {
      double const top = tops[row - part.first], bottom = bottoms[row - part.first];
      if (std::isnan(top) || std::isnan(bottom)) continue;
      if (raw) {
        figures[quotient.top_sum].take(top);
        figures[quotient.bottom_sum].take(bottom);
      }
      auto const made = ratio_of(metric, top, bottom);
      if (made && std::isfinite(*made)) figures[quotient.at].take(*made);
    }
  }
}

void WindowFolder::settle(WindowRow& row) const {
  settle_window(layout_, row);
  if (is_rolled_up(layout_.kind())) return;
  for (Quotient const& its : quotients_) {
    WindowFigure const& bottom = row.figures[places_[its.bottom]];
    if (bottom.count != row.ticks || bottom.min != bottom.max) continue;
    row.figures[its.at] = row.figures[its.top_sum] = row.figures[its.bottom_sum] = {};
  }
}

void WindowFolder::fold(Ticks ticks, Columns columns, std::size_t first,
                        WindowVisitor const& visit) {
  if (first >= ticks.size()) return;  // then there may be no columns either
  find_silent(ticks, columns);
  Part part{ticks, columns, first};
  while (part.first < ticks.size()) {
    std::size_t const next = begin_windows(part);
    if (ends_.empty()) return;  // nothing but silent rows
    for (std::size_t i = 0; i < places_.size(); ++i) {
      switch (layout_.columns()[places_[i]].keeping) {
        case Keeping::counter:
          fold_counter(part, i);
          break;
        case Keeping::gauge:
          fold_gauge(part, i);
          break;
        default:
          fold_rolled_up(part, i);
      }
    }
    for (Quotient const& quotient : quotients_) fold_quotient(part, quotient);
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      settle(rows_[i]);
      visit(rows_[i]);
    }
    part.first = next;
  }
}

}  // namespace dadvisor::aggregator::rollup
