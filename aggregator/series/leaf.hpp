#pragma once
// The last nodes of a path and what they show: "cpu.usage" of an instance is a stored counter,
// "cpu.cores" its rate, "cpu.pct_limit" a quotient; "sum.cpu.cores" of an app is the increase of a
// window per second. Which leaves an entity has follows from the columns that it ever held.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/entity_list.hpp"
#include "common/core/metric/column.hpp"
#include "common/core/row.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

// How a leaf's value comes out of a row.
enum class View : std::uint8_t {
  stored,      // the metric's own column
  rate,        // of a counter, per second
  ratio,       // of a row's two metrics
  part,        // one column of a rollup row; of a counter, per second
  average,     // sum / count of a rollup row
  part_ratio,  // numerator / denominator of a rollup row
  foreign,     // a column of a foreign row
};

struct Leaf {
  Metric const* metric = nullptr;
  View view = View::stored;
  RollupPart part = RollupPart::raw;  // of View::part
  // Of View::foreign, whose metric is null: which of the members' entities, times foreign_leaves,
  // and which of its leaves.
  std::uint32_t place = 0;

  // The columns that the value is made of, at most two; the second one 0 when there is one only.
  std::pair<MetricId, MetricId> columns() const;
  bool operator==(Leaf const&) const = default;
  // Below its entity's path: "cpu.usage", "sum.cpu.cores". Not of View::foreign.
  std::string name() const;
  // Graphite's default is the average; a least and a greatest value stay what they are.
  graphite::Consolidation consolidation() const;
};

// A level of names below an entity's path; sorted, and every node either has children or a leaf.
struct LeafNode {
  std::map<std::string, LeafNode, std::less<>> children;
  Leaf leaf;
  bool is_leaf = false;
};

// All leaves of entities of one kind with certain columns; made once and shared by all of them.
struct LeafSet {
  LeafNode root;
  std::vector<std::pair<std::string, Leaf>> leaves;  // "cpu.usage" -> ..., sorted by name
};

// Not for foreign ones. For hosts and containers the stored columns, the rates of counters and the
// quotients whose two parts are there; for apps and totals STAT.LEAF by the parts that are there.
std::shared_ptr<LeafSet const> leaves_of(EntityKind kind, std::span<MetricId const> columns);
// Of foreign entities, in the order of their Members; only `leaves` is filled.
std::shared_ptr<LeafSet const> foreign_leaves_of(store::EntityList const& entities);

}  // namespace dadvisor::aggregator::series
