#include "aggregator/rollup/window_row.hpp"

#include <algorithm>
#include <cmath>

namespace dadvisor::aggregator::rollup {
namespace {

bool rolled_up(EntityKind kind) { return kind == EntityKind::app || kind == EntityKind::total; }

std::span<WindowPart const> parts_of(Keeping keeping) {
  using enum WindowPart;
  static constexpr std::array all{min, max, sum, count, last};
  static constexpr std::array counter{value, min, max, sum, count, last, increase};
  static constexpr std::array quotient{min, max, count, last};
  static constexpr std::array extreme{last};
  static constexpr std::array parts{sum, count};
  static constexpr std::array order{value};
  switch (keeping) {
    case Keeping::gauge:
    case Keeping::rollup:
      return all;
    case Keeping::counter:
      return counter;
    case Keeping::quotient:
      return quotient;
    case Keeping::least:
    case Keeping::greatest:
      return extreme;
    case Keeping::parts:
      return parts;
    case Keeping::order:
      return order;
  }
  return {};
}

std::optional<Keeping> keeping_of(RollupPart part) {
  switch (part) {
    case RollupPart::sum:
    case RollupPart::count:
    case RollupPart::all:
      return Keeping::rollup;
    case RollupPart::min:
      return Keeping::least;
    case RollupPart::max:
      return Keeping::greatest;
    case RollupPart::numerator:
    case RollupPart::denominator:
      return Keeping::parts;
    case RollupPart::p50:
    case RollupPart::p95:
    case RollupPart::p99:
      return Keeping::order;
    case RollupPart::raw:
      break;
  }
  return std::nullopt;
}

// Whether the figure is per step of the rows.
bool per_step(WindowColumn const& column) {
  return column.keeping != Keeping::order && column.keeping != Keeping::quotient &&
         column.keeping != Keeping::parts && column.metric->kind == MetricKind::counter &&
         column_part(column.column) != RollupPart::count;
}

double stored_value(Metric const& metric, std::int64_t cell) {
  return metric.type == MetricType::real ? cell_real(cell) : static_cast<double>(cell);
}

void empty(WindowLayout const& layout, WindowRow& row) {
  row = {};
  row.figures.resize(layout.columns().size());
  row.readings.resize(layout.columns().size());
  row.increases.resize(layout.columns().size());
}

// Figures per step of the rows become such of another step.
void rescale(WindowLayout const& layout, WindowRow& row, Nanoseconds step) {
  if (row.step == step || row.step <= Nanoseconds::zero()) return;
  double const factor = static_cast<double>(step.count()) / static_cast<double>(row.step.count());
  for (std::size_t i = 0; i < row.figures.size(); ++i) {
    if (!per_step(layout.columns()[i])) continue;
    WindowFigure& figure = row.figures[i];
    for (double* part : {&figure.min, &figure.max, &figure.sum, &figure.last}) *part *= factor;
  }
}

// What a figure is once all of its window is in it; the same whether it comes from finer rows or
// out of a file, to the last bit.
void settle_figures(WindowLayout const& layout, WindowRow& row) {
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

}  // namespace

void WindowFigure::take(double value) { take(WindowFigure{value, value, value, value, 1}); }

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

void WindowLayout::add(MetricId column, Keeping keeping) {
  columns_.push_back({column, find_metric(column_metric(column)), keeping});
}

WindowLayout::WindowLayout(EntityKind kind, std::span<MetricId const> columns) : kind_(kind) {
  for (MetricId const column : columns) {
    Metric const* metric = find_metric(column_metric(column));
    if (!metric) continue;  // a newer agent's
    RollupPart const part = column_part(column);
    std::optional<Keeping> keeping;
    if (rolled_up(kind))
      keeping = keeping_of(part);
    else if (part == RollupPart::raw && metric->pace != MetricPace::derived)
      keeping = metric->kind == MetricKind::counter ? Keeping::counter : Keeping::gauge;
    if (!keeping) continue;
    add(column, *keeping);
    if (*keeping != Keeping::order) finest_.push_back(column);
  }
  if (rolled_up(kind) && !finest_.empty()) finest_.push_back(row_step_column);
  for (Metric const& ratio : metrics()) {
    if (ratio.rollup != MetricRollup::ratio || kind == EntityKind::host) continue;
    MetricId const top = rollup_column(ratio.id, RollupPart::numerator);
    MetricId const bottom = rollup_column(ratio.id, RollupPart::denominator);
    auto const has = [&](MetricId column) { return std::ranges::binary_search(finest_, column); };
    if (rolled_up(kind)) {
      if (has(top) && has(bottom)) add(rollup_column(ratio.id, RollupPart::all), Keeping::quotient);
    } else if (has(ratio.numerator) && has(ratio.denominator)) {
      add(ratio.id, Keeping::quotient);
      add(top, Keeping::parts);
      add(bottom, Keeping::parts);
    }
  }
  std::ranges::sort(columns_, {}, &WindowColumn::column);
  stored_ = {row_ticks_column, row_step_column};
  auto const id = [](WindowColumn const& column, WindowPart part) {
    return part == WindowPart::value ? column.column : window_column(column.column, part);
  };
  for (WindowColumn const& column : columns_)
    for (WindowPart const part : parts_of(column.keeping)) stored_.push_back(id(column, part));
  std::ranges::sort(stored_);
  auto const where = [&](MetricId column) {
    return static_cast<std::size_t>(std::ranges::lower_bound(stored_, column) - stored_.begin());
  };
  for (WindowColumn const& column : columns_) {
    auto& places = stored_places_.emplace_back();
    for (WindowPart const part : parts_of(column.keeping))
      places[static_cast<std::size_t>(part)] = static_cast<std::uint16_t>(where(id(column, part)));
  }
  ticks_place_ = where(row_ticks_column);
  step_place_ = where(row_step_column);
}

std::size_t WindowLayout::place(MetricId column) const {
  auto const found = std::ranges::lower_bound(columns_, column, {}, &WindowColumn::column);
  bool const there = found != columns_.end() && found->column == column;
  return there ? static_cast<std::size_t>(found - columns_.begin()) : columns_.size();
}

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
    bool const raw = !rolled_up(layout.kind());
    quotients_.push_back({at, finest(raw ? column.metric->numerator : top),
                          finest(raw ? column.metric->denominator : bottom), layout.place(top),
                          layout.place(bottom)});
  }
  empty(layout_, row_);
}

// A counter as its rate, a gauge as it is, as shown; a part of a rollup row as it stands there.
std::optional<double> WindowFolder::operand(std::size_t finest, std::span<Cell const> cells) const {
  if (!cells[finest]) return {};
  if (rolled_up(layout_.kind())) return cell_real(*cells[finest]);
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
  if (!rolled_up(layout_.kind())) {
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
  if (row_.ticks > 0) rescale(layout_, row_, step);
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
  settle_figures(layout_, row_);
  if (rolled_up(layout_.kind())) return;
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
  empty(layout_, row_);
}

void WindowJoiner::take(WindowRow const& row, WindowVisitor const& visit) {
  WallTime const window = tick_of(row.window, window_);
  if (row_.ticks > 0 && row_.window != window) finish(visit);
  if (row_.ticks == 0) empty(layout_, row_);
  if (row_.ticks > 0) rescale(layout_, row_, row.step);
  row_.window = window;
  row_.step = row.step;
  row_.ticks += row.ticks;
  for (std::size_t i = 0; i < row_.figures.size(); ++i) {
    if (layout_.columns()[i].keeping == Keeping::order) continue;
    row_.figures[i].take(row.figures[i]);
    if (row.readings[i]) row_.readings[i] = row.readings[i];
    row_.increases[i] += row.increases[i];
  }
}

void WindowJoiner::finish(WindowVisitor const& visit) {
  if (row_.ticks == 0) return;
  settle_figures(layout_, row_);
  visit(row_);
  empty(layout_, row_);
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
  if (row.figures[top].count > 0 || rolled_up(layout.kind())) {
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

void append_window(WindowLayout const& layout, WindowRow const& row, store::Rows& rows) {
  std::size_t const at = rows.size();
  rows.insert(at, store::tick_ns(row.window));
  rows.set(at, layout.ticks_place(), static_cast<std::int64_t>(row.ticks));
  rows.set(at, layout.step_place(), row.step.count());
  for (std::size_t i = 0; i < row.figures.size(); ++i) {
    auto const set = [&](WindowPart part, double value) {
      rows.set(at, layout.stored_place(i, part), *real_cell(value));
    };
    WindowFigure const& figure = row.figures[i];
    Keeping const keeping = layout.columns()[i].keeping;
    if (keeping == Keeping::counter) {
      if (row.readings[i])
        rows.set(at, layout.stored_place(i, WindowPart::value), *row.readings[i]);
      double const sum = figure.count > 0 ? figure.sum : 0;
      if (row.increases[i] != sum) set(WindowPart::increase, row.increases[i]);
    }
    if (figure.count == 0) continue;
    switch (keeping) {
      case Keeping::order:
        set(WindowPart::value, figure.last);
        continue;
      case Keeping::least:
      case Keeping::greatest:
        set(WindowPart::last, figure.last);
        continue;
      case Keeping::parts:
        set(WindowPart::sum, figure.sum);
        break;
      default:
        set(WindowPart::last, figure.last);
        if (figure.min == figure.max) break;
        set(WindowPart::min, figure.min);
        set(WindowPart::max, figure.max);
        if (keeping != Keeping::quotient) set(WindowPart::sum, figure.sum);
    }
    if (figure.count != row.ticks) set(WindowPart::count, figure.count);
  }
}

WindowRow read_window(WindowLayout const& layout, WallTime window, std::span<Cell const> cells) {
  WindowRow row;
  empty(layout, row);
  row.window = window;
  row.ticks = static_cast<double>(cells[layout.ticks_place()].value_or(0));
  row.step = Nanoseconds(cells[layout.step_place()].value_or(0));
  for (std::size_t i = 0; i < row.figures.size(); ++i) {
    auto const cell = [&](WindowPart part) -> Cell const& {
      return cells[layout.stored_place(i, part)];
    };
    auto const get = [&](WindowPart part, double otherwise) {
      return cell(part) ? cell_real(*cell(part)) : otherwise;
    };
    WindowFigure& figure = row.figures[i];
    Keeping const keeping = layout.columns()[i].keeping;
    switch (keeping) {
      case Keeping::order:
        if (cell(WindowPart::value)) figure.take(cell_real(*cell(WindowPart::value)));
        break;
      case Keeping::least:
      case Keeping::greatest:
        if (cell(WindowPart::last)) figure.take(cell_real(*cell(WindowPart::last)));
        break;
      case Keeping::parts:
        if (cell(WindowPart::sum))
          figure = {0, 0, cell_real(*cell(WindowPart::sum)), 0, get(WindowPart::count, row.ticks)};
        break;
      default:
        if (!cell(WindowPart::last)) break;
        figure.last = cell_real(*cell(WindowPart::last));
        figure.count = get(WindowPart::count, row.ticks);
        figure.min = get(WindowPart::min, figure.last);
        figure.max = get(WindowPart::max, figure.last);
        if (keeping != Keeping::quotient)
          figure.sum = get(WindowPart::sum, figure.last * figure.count);
    }
    if (keeping != Keeping::counter) continue;
    row.readings[i] = cell(WindowPart::value);
    row.increases[i] = get(WindowPart::increase, figure.count > 0 ? figure.sum : 0);
  }
  return row;
}

}  // namespace dadvisor::aggregator::rollup
