#pragma once
// Reads rows of entity after entity, of each the same columns: what such reads share, and the rows
// of the one that was read last. For one piece of work, on one thread, over raw rows or one tier.

#include <span>
#include <vector>

#include "aggregator/store/head_rows.hpp"
#include "aggregator/store/selected_rows.hpp"
#include "aggregator/store/spill_reads.hpp"

namespace dadvisor::aggregator::store {

class ColumnScan {
 public:
  // `reads`: null, or of a piece of work that also asks for other columns; then it must outlive
  // this.
  explicit ColumnScan(std::span<MetricId const> columns, SpillReads* reads = nullptr)
      : columns_(columns.begin(), columns.end()), selection_(columns), shared_(reads) {}

  std::span<MetricId const> columns() const { return columns_; }
  // By tick ascending, each tick once; columns in the order of columns().
  SelectedRows const& rows() const { return rows_; }

 private:
  friend class Store;
  friend class TierFiles;

  void begin() { rows_.clear(); }
  SpillReads& reads() { return shared_ != nullptr ? *shared_ : own_; }

  std::vector<MetricId> const columns_;
  Selection const selection_;
  SpillReads* const shared_;
  SpillReads own_;
  SelectedRows rows_;
  std::vector<HeadRows> head_;  // of some entities at once
};

}  // namespace dadvisor::aggregator::store
