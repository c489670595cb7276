#include "aggregator/rollup/raw_figures.hpp"

#include <algorithm>

#include "aggregator/rollup/column_rates.hpp"

namespace dadvisor::aggregator::rollup {

Schema const& figure_schema() {
  static Schema const made = [] {
    Schema schema;
    for (Metric const* metric : figure_metrics()) schema.metrics.push_back(metric->id);
    return schema;
  }();
  return made;
}

RawFigures::RawFigures(store::Store const& store, Schema const& schema, store::SpillReads& reads)
    : store_(store), scan_(schema.metrics, &reads), values_(schema.metrics.size()) {
  for (MetricId const id : schema.metrics) {
    Metric const& metric = *find_metric(id);
    columns_.push_back({*figure_index(id), metric.kind == MetricKind::counter ? Kind::counter
                                           : metric.type == MetricType::real  ? Kind::real
                                                                              : Kind::integer});
  }
}

Result<void> RawFigures::read(std::span<RawInstance const> instances, WallTime from, WallTime until,
                              Visitor const& visit) {
  std::vector<store::EntityId> ids;
  ids.reserve(instances.size());
  for (RawInstance const& instance : instances) ids.push_back(instance.entity);
  return store_.scan(ids, from, until, scan_, [&](std::size_t i) -> Result<void> {
    store::SelectedRows const& rows = scan_.rows();
    if (rows.ticks.empty()) return {};
    rows_ += rows.ticks.size();
    instances[i].host->add(rows.ticks);
    make_columns(instances[i], rows);
    visit(i, rows.ticks, figures_);
    return {};
  });
}

void RawFigures::make_columns(RawInstance const& instance, store::SelectedRows const& rows) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  Deliveries const& host = *instance.host;
  auto const first = [&](WallTime tick) {
    return reading_before_first(tick, host.step(), instance.key->start_ns, host.previous(tick));
  };
  figures_.assign(figure_metrics().size(), {});
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto const& column = rows.columns[i];
    if (!column.has.empty() && std::ranges::count(column.has, 0) == std::ssize(column.has))
      continue;
    auto& made = values_[i];
    made.resize(rows.ticks.size());
    figures_[columns_[i].figure] = made;
    if (columns_[i].kind == Kind::counter) {
      column_rates(rows.ticks, column, host.step(), first, made);
      continue;
    }
    bool const real = columns_[i].kind == Kind::real;
    for (std::size_t row = 0; row < made.size(); ++row)
      made[row] = real ? cell_real(column.values[row]) : static_cast<double>(column.values[row]);
    if (!column.has.empty())
      for (std::size_t row = 0; row < made.size(); ++row)
        if (column.has[row] == 0) made[row] = none;
  }
}

}  // namespace dadvisor::aggregator::rollup
