#include "aggregator/series/window_values.hpp"

#include <algorithm>
#include <cmath>

namespace dadvisor::aggregator::series {
namespace {

using graphite::Consolidation;
using rollup::WindowFigure;
using rollup::WindowLayout;
using rollup::WindowRow;

// `slots`: how many values the window has room for.
double pick(WindowFigure const& figure, Consolidation consolidation, double slots) {
  switch (consolidation) {
    case Consolidation::sum:
      return figure.sum;
    case Consolidation::min:
      return figure.min;
    case Consolidation::max:
      return figure.max;
    case Consolidation::last:
      return figure.last;
    case Consolidation::avg_zero:
      return figure.sum / std::max(slots, figure.count);
    case Consolidation::average:
    case Consolidation::first:
      break;
  }
  return figure.sum / figure.count;
}

// Makes the values of one entity's leaves of a window.
class WindowReader {
 public:
  WindowReader(WindowLayout const& layout, std::span<Leaf const> leaves, Nanoseconds window,
               std::optional<Consolidation> consolidation)
      : layout_(layout), leaves_(leaves), window_(window), consolidation_(consolidation) {}

  void row(WindowRow const& row, ValueVisitor const& visit) const {
    for (std::size_t i = 0; i < leaves_.size(); ++i)
      if (auto const made = value(leaves_[i], row); made && std::isfinite(*made))
        visit(i, row.window, *made);
  }

 private:
  WindowFigure const* figure(WindowRow const& row, MetricId column) const {
    std::size_t const at = layout_.place(column);
    bool const known = at < layout_.columns().size() && row.figures[at].count > 0;
    return known ? &row.figures[at] : nullptr;
  }
  double shown_of(WindowRow const& row, MetricId column, double value) const {
    return rollup::shown_figure(layout_.columns()[layout_.place(column)], row, value);
  }
  std::optional<double> of_column(WindowRow const& row, MetricId column,
                                  Consolidation consolidation) const {
    WindowFigure const* its = figure(row, column);
    if (!its) return {};
    double const slots =
        static_cast<double>(window_.count()) / static_cast<double>(row.step.count());
    return shown_of(row, column, pick(*its, consolidation, slots));
  }

  std::optional<double> ratio(Leaf const& leaf, WindowRow const& row, MetricId column,
                              Consolidation how) const {
    std::size_t const at = layout_.place(column);
    if (at == layout_.columns().size()) return {};
    Metric const& metric = *leaf.metric;
    bool const kept =
        how == Consolidation::min || how == Consolidation::max || how == Consolidation::last;
    if (kept && row.figures[at].count > 0) return pick(row.figures[at], how, 0);
    if (kept && leaf.view == View::ratio) {
      // The denominator was the same at every tick.
      WindowFigure const* bottom = figure(row, metric.denominator);
      auto const top = of_column(row, metric.numerator, how);
      if (!top || !bottom) return {};
      return ratio_of(metric, *top, shown_of(row, metric.denominator, bottom->last));
    }
    auto const sums = rollup::quotient_sums(layout_, row, at);
    if (!sums) return {};
    auto const mean = ratio_of(metric, sums->first, sums->second);
    if (!mean || how != Consolidation::sum) return mean;
    WindowFigure const* its = figure(row, column);
    if (!its) its = figure(row, metric.numerator);
    return its ? *mean * its->count : *mean;
  }

  std::optional<double> value(Leaf const& leaf, WindowRow const& row) const {
    auto const [first, second] = leaf.columns();
    auto const how = consolidation_.value_or(leaf.consolidation());
    switch (leaf.view) {
      case View::stored:
        if (leaf.metric->kind == MetricKind::counter) {
          std::size_t const at = layout_.place(first);
          if (at == layout_.columns().size() || !row.readings[at]) return {};
          return shown(*leaf.metric, static_cast<double>(*row.readings[at]));
        }
        return of_column(row, first, how);
      case View::rate:
      case View::part:
        return of_column(row, first, how);
      case View::ratio:
        return ratio(leaf, row, leaf.metric->id, how);
      case View::foreign:  // read by read_foreign()
        break;
      case View::part_ratio:
        return ratio(leaf, row, rollup_column(leaf.metric->id, RollupPart::all), how);
      case View::average: {
        WindowFigure const* sum = figure(row, first);
        WindowFigure const* count = figure(row, second);
        if (!sum || !count) return {};
        bool const last = how == Consolidation::last;
        double const below = last ? count->last : count->sum;
        if (below == 0) return {};
        return shown_of(row, first, (last ? sum->last : sum->sum) / below);
      }
    }
    return {};
  }

  WindowLayout const& layout_;
  std::span<Leaf const> leaves_;
  Nanoseconds const window_;
  std::optional<Consolidation> const consolidation_;
};

}  // namespace

Result<void> read_window_values(rollup::TierReader& reader, store::Tier tier,
                                store::EntityInfo const& entity, std::span<Leaf const> leaves,
                                std::optional<Consolidation> consolidation, WallTime from,
                                WallTime until, ValueVisitor const& visit) {
  std::vector<MetricId> columns;
  for (Leaf const& leaf : leaves) {
    auto const [first, second] = leaf.columns();
    columns.push_back(first);
    if (second != 0) columns.push_back(second);
  }
  std::ranges::sort(columns);
  auto const repeated = std::ranges::unique(columns);
  columns.erase(repeated.begin(), repeated.end());
  WindowLayout const layout(entity.entity.key.kind, columns);
  WindowReader const values(layout, leaves, reader.window_of(tier), consolidation);
  return reader.read(tier, entity, layout, from, until,
                     [&](WindowRow const& row) { values.row(row, visit); });
}

}  // namespace dadvisor::aggregator::series
