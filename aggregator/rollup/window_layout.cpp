#include "aggregator/rollup/window_layout.hpp"

#include <algorithm>
#include <optional>

namespace dadvisor::aggregator::rollup {
namespace {

// What every column of a foreign entity is.
constexpr Metric foreign_metric{.id = 0,
                                .leaf = {},
                                .rate_leaf = {},
                                .kind = MetricKind::gauge,
                                .type = MetricType::real,
                                .pace = MetricPace::tick,
                                .rollup = MetricRollup::last,
                                .ranked = false,
                                .on_container = false,
                                .on_host = false,
                                .scale = 1,
                                .unit = {},
                                .numerator = 0,
                                .denominator = 0,
                                .ratio_scale = 1};

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

}  // namespace

void WindowLayout::add(MetricId column, Keeping keeping) {
  auto const* const metric =
      kind_ == EntityKind::foreign ? &foreign_metric : find_metric(column_metric(column));
  columns_.push_back({column, metric, keeping});
}

WindowLayout::WindowLayout(EntityKind kind, std::span<MetricId const> columns) : kind_(kind) {
  for (MetricId const column : columns) {
    if (kind == EntityKind::foreign) {
      add(column, Keeping::gauge);
      finest_.push_back(column);
      continue;
    }
    Metric const* metric = find_metric(column_metric(column));
    if (!metric) continue;  // a newer agent's
    RollupPart const part = column_part(column);
    std::optional<Keeping> keeping;
    if (is_rolled_up(kind))
      keeping = keeping_of(part);
    else if (part == RollupPart::raw && metric->pace != MetricPace::derived)
      keeping = metric->kind == MetricKind::counter ? Keeping::counter : Keeping::gauge;
    if (!keeping) continue;
    add(column, *keeping);
    if (*keeping != Keeping::order) finest_.push_back(column);
  }
  if (is_rolled_up(kind) && !finest_.empty()) finest_.push_back(row_step_column);
  for (Metric const& ratio : metrics()) {
    if (ratio.rollup != MetricRollup::ratio || kind == EntityKind::host ||
        kind == EntityKind::foreign)
      continue;
    MetricId const top = rollup_column(ratio.id, RollupPart::numerator);
    MetricId const bottom = rollup_column(ratio.id, RollupPart::denominator);
    auto const has = [&](MetricId column) { return std::ranges::binary_search(finest_, column); };
    if (is_rolled_up(kind)) {
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

}  // namespace dadvisor::aggregator::rollup
