#pragma once
// Which metrics the rows of this agent have, in which order, and how readings become cells. Two
// layouts, one for hosts and one for containers; what is not known stays absent in its place, so a
// stream's schemas never change. Pure; any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/cgroup/cgroup_reading.hpp"
#include "agent/host/host_reader.hpp"
#include "agent/host/net_dev.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

class RowLayout {
 public:
  // Metric ids must be below 1024 and come once.
  explicit RowLayout(std::vector<MetricId> metrics);

  Schema const& schema() const { return schema_; }
  // An empty row: every cell absent.
  Row row(std::uint32_t slot, std::uint32_t schema_index) const;
  // Sets the cell of a metric that the layout has.
  void set(Row& row, MetricId metric, std::optional<std::int64_t> value) const;
  void set_real(Row& row, MetricId metric, std::optional<double> value) const;
  // The cell of a metric; absent also when the layout does not have it.
  Cell cell(Row const& row, MetricId metric) const;

 private:
  static constexpr std::int16_t nowhere = -1;
  Schema schema_;
  std::array<std::int16_t, 1024> position_;
};

RowLayout host_layout();
RowLayout container_layout();

void fill(RowLayout const& layout, Row& row, HostReading const& reading);
void fill(RowLayout const& layout, Row& row, CgroupReading const& reading);
void fill(RowLayout const& layout, Row& row, NetCounters const& counters);
void fill(RowLayout const& layout, Row& row, TcpFigures const& tcp);

}  // namespace dadvisor::agent
