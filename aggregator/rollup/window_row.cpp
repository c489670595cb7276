#include "aggregator/rollup/window_row.hpp"

#include <algorithm>

namespace dadvisor::aggregator::rollup {
void WindowFigure::take(WindowFigure const& later) {
  if (later.count == 0) return;
  if (count == 0) {
    *this = later;
    return;
  }
  min = std::min(min, later.min);
  max = std::max(max, later.max);
  sum += later.sum;
  last = later.last;
  count += later.count;
}

void clear_window(WindowLayout const& layout, WindowRow& row) {
  row.window = {};
  row.step = {};
  row.ticks = 0;
  row.figures.assign(layout.columns().size(), {});
  row.readings.assign(layout.columns().size(), {});
  row.increases.assign(layout.columns().size(), 0);
}

bool is_per_step(WindowColumn const& column) {
  return column.keeping != Keeping::order && column.keeping != Keeping::quotient &&
         column.keeping != Keeping::parts && column.metric->kind == MetricKind::counter &&
         column_part(column.column) != RollupPart::count;
}

void rescale_figure(WindowFigure& figure, Nanoseconds from, Nanoseconds to) {
  if (from == to || from <= Nanoseconds::zero()) return;
  double const factor = static_cast<double>(to.count()) / static_cast<double>(from.count());
  for (double* part : {&figure.min, &figure.max, &figure.sum, &figure.last}) *part *= factor;
}

void rescale_window(WindowLayout const& layout, WindowRow& row, Nanoseconds step) {
  if (row.step == step) return;
  for (std::size_t i = 0; i < row.figures.size(); ++i)
    if (is_per_step(layout.columns()[i])) rescale_figure(row.figures[i], row.step, step);
}

void settle_window(WindowLayout const& layout, WindowRow& row) {
  for (std::size_t i = 0; i < row.figures.size(); ++i) {
    WindowFigure& figure = row.figures[i];
    if (figure.count == 0) continue;
    switch (layout.columns()[i].keeping) {
      case Keeping::least:
        figure = {figure.min, figure.min, figure.min, figure.min, 1};
        break;
      case Keeping::greatest:
        figure = {figure.max, figure.max, figure.max, figure.max, 1};
        break;
      case Keeping::parts:
        figure = {0, 0, figure.sum, 0, figure.count};
        break;
      case Keeping::quotient:
        figure.sum = 0;
        break;
      case Keeping::order:
        break;
      default:
        if (figure.min == figure.max) figure.sum = figure.last * figure.count;
    }
  }
}

double shown_figure(WindowColumn const& column, WindowRow const& row, double value) {
  if (column_part(column.column) == RollupPart::count || column.keeping == Keeping::quotient ||
      column.keeping == Keeping::parts)
    return value;
  if (column.metric->kind == MetricKind::gauge) return shown(*column.metric, value);
  return shown(*column.metric, value / std::chrono::duration<double>(row.step).count());
}

std::optional<std::pair<double, double>> quotient_sums(WindowLayout const& layout,
                                                       WindowRow const& row, std::size_t at) {
  Metric const& ratio = *layout.columns()[at].metric;
  auto const top = layout.place(rollup_column(ratio.id, RollupPart::numerator));
  auto const bottom = layout.place(rollup_column(ratio.id, RollupPart::denominator));
  if (row.figures[top].count > 0 || is_rolled_up(layout.kind())) {
    if (row.figures[top].count == 0 || row.figures[bottom].count == 0) return std::nullopt;
    return std::pair(row.figures[top].sum, row.figures[bottom].sum);
  }
  // The denominator was the same at every tick.
  auto const own_top = layout.place(ratio.numerator), own_bottom = layout.place(ratio.denominator);
  WindowFigure const& numerator = row.figures[own_top];
  WindowFigure const& denominator = row.figures[own_bottom];
  if (numerator.count == 0 || denominator.count == 0) return std::nullopt;
  return std::pair(
      shown_figure(layout.columns()[own_top], row, numerator.sum),
      shown_figure(layout.columns()[own_bottom], row, denominator.last) * numerator.count);
}

}  // namespace dadvisor::aggregator::rollup
