#pragma once
// Reads rows of entity after entity, of each the same columns: what such reads share, and the rows
// of the one that was read last. For one piece of work, on one thread, over raw rows or one tier.

#include <memory>
#include <span>
#include <vector>

#include "aggregator/store/selected_rows.hpp"
#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/tail.hpp"

namespace dadvisor::aggregator::store {

class ColumnScan {
 public:
  explicit ColumnScan(std::span<MetricId const> columns)
      : columns_(columns.begin(), columns.end()), selection_(columns) {}

  std::span<MetricId const> columns() const { return columns_; }
  // By tick ascending, each tick once; columns in the order of columns().
  SelectedRows const& rows() const { return rows_; }

 private:
  friend class Store;
  friend class TierFiles;
  using File = std::shared_ptr<SpillFile const>;

  void begin() {
    rows_.clear();
    packed_.clear();
  }
  // Those of `all` that have rows in [from, until] are read from now on. Mostly they are the same
  // as for the entity before, and what is known of their indexes stays.
  void use_files(std::span<File const> all, TickNs from, TickNs until);

  std::vector<MetricId> const columns_;
  Selection const selection_;
  SelectedRows rows_, open_;
  std::vector<PackedBlock> packed_;
  std::vector<File> files_;
  std::vector<IndexPages> pages_;  // of each file
};

}  // namespace dadvisor::aggregator::store
