#include "aggregator/series/leaf.hpp"

#include <algorithm>
#include <optional>

#include "aggregator/series/foreign_leaves.hpp"
#include "common/core/foreign.hpp"

namespace dadvisor::aggregator::series {
namespace {

void add(LeafSet& set, Leaf leaf) {
  std::string path = leaf.name();
  LeafNode* node = &set.root;
  for (std::size_t from = 0; from <= path.size();) {
    std::size_t const dot = std::min(path.find('.', from), path.size());
    node = &node->children[path.substr(from, dot - from)];
    from = dot + 1;
  }
  node->is_leaf = true;
  node->leaf = leaf;
  set.leaves.emplace_back(std::move(path), leaf);
}

void add_raw(LeafSet& set, std::span<MetricId const> columns, bool container) {
  auto const has = [&](MetricId id) { return std::ranges::binary_search(columns, id); };
  for (MetricId const column : columns) {
    Metric const* metric = find_metric(column);
    if (!metric || column_part(column) != RollupPart::raw) continue;
    add(set, Leaf{metric, View::stored});
    if (metric->kind == MetricKind::counter) add(set, Leaf{metric, View::rate});
  }
  if (!container) return;
  for (Metric const& metric : metrics())
    if (metric.rollup == MetricRollup::ratio && has(metric.numerator) && has(metric.denominator))
      add(set, Leaf{&metric, View::ratio});
}

std::optional<std::string_view> stat_of(RollupPart part) {
  switch (part) {
    case RollupPart::sum:
      return "sum";
    case RollupPart::min:
      return "min";
    case RollupPart::max:
      return "max";
    case RollupPart::count:
      return "count";
    case RollupPart::p50:
      return "p50";
    case RollupPart::p95:
      return "p95";
    case RollupPart::p99:
      return "p99";
    case RollupPart::all:
    case RollupPart::denominator:  // stands for the quotient
      return "all";
    case RollupPart::raw:
    case RollupPart::numerator:
      break;
  }
  return std::nullopt;
}

bool is_stat(View view) {
  return view == View::part || view == View::average || view == View::part_ratio;
}

void add_rolled_up(LeafSet& set, std::span<MetricId const> columns) {
  for (MetricId const column : columns) {
    Metric const* metric = find_metric(column_metric(column));
    RollupPart const part = column_part(column);
    if (!metric || !stat_of(part)) continue;
    if (part == RollupPart::denominator)
      add(set, Leaf{metric, View::part_ratio});
    else
      add(set, Leaf{metric, View::part, part});
    if (part == RollupPart::sum) add(set, Leaf{metric, View::average});
  }
}

}  // namespace

std::pair<MetricId, MetricId> Leaf::columns() const {
  auto const of = [&](RollupPart which) { return rollup_column(metric->id, which); };
  switch (view) {
    case View::ratio:
      return {metric->numerator, metric->denominator};
    case View::part:
      return {of(part), 0};
    case View::average:
      return {of(RollupPart::sum), of(RollupPart::count)};
    case View::part_ratio:
      return {of(RollupPart::numerator), of(RollupPart::denominator)};
    case View::foreign:
      return {foreign_column(place % foreign_leaves), 0};
    case View::stored:
    case View::rate:
      break;
  }
  return {metric->id, 0};
}

std::string Leaf::name() const {
  std::string_view const metric_name =
      view == View::rate || (is_stat(view) && metric->kind == MetricKind::counter)
          ? metric->rate_leaf
          : metric->leaf;
  if (!is_stat(view)) return std::string(metric_name);
  std::string_view const stat = view == View::average      ? "avg"
                                : view == View::part_ratio ? "all"
                                                           : *stat_of(part);
  return std::string(stat) + "." + std::string(metric_name);
}

graphite::Consolidation Leaf::consolidation() const {
  if (view != View::part) return graphite::Consolidation::average;
  if (part == RollupPart::min) return graphite::Consolidation::min;
  if (part == RollupPart::max) return graphite::Consolidation::max;
  return graphite::Consolidation::average;
}

std::shared_ptr<LeafSet const> leaves_of(EntityKind kind, std::span<MetricId const> columns) {
  auto set = std::make_shared<LeafSet>();
  if (kind == EntityKind::app || kind == EntityKind::total)
    add_rolled_up(*set, columns);
  else
    add_raw(*set, columns, kind == EntityKind::container);
  std::ranges::sort(set->leaves, {}, &std::pair<std::string, Leaf>::first);
  return set;
}

std::shared_ptr<LeafSet const> foreign_leaves_of(store::EntityList const& entities) {
  auto set = std::make_shared<LeafSet>();
  std::uint32_t first = 0;  // place of the entity's leaves
  for (store::EntityInfo const& info : entities) {
    each_foreign_leaf(info, [&](std::string_view name, std::uint32_t place) {
      set->leaves.emplace_back(name, Leaf{nullptr, View::foreign, RollupPart::raw, first + place});
    });
    first += static_cast<std::uint32_t>(foreign_leaves);
  }
  std::ranges::sort(set->leaves, {}, &std::pair<std::string, Leaf>::first);
  return set;
}

}  // namespace dadvisor::aggregator::series
