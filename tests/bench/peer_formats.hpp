#pragma once
// The workload's batches in the words of other servers. Pure.
//
// A series is called by the leaf with its dots as underscores ("cpu_usage") and has the labels app,
// cluster, host, instance and owner; in Graphite it has the path that dAdvisor gives it. Values are
// those that dAdvisor stores.

#include <string>
#include <vector>

#include "common/core/row.hpp"

namespace dadvisor::bench {

// The rows of some batches of one tick as a remote write request, compressed by snappy.
std::string remote_write_body(std::vector<std::shared_ptr<Batch>> const& batches);
// A line per figure, and a line per row with all its figures as integer fields.
void add_graphite_lines(Batch const& batch, std::string& out);
void add_influx_lines(Batch const& batch, std::string& out);

}  // namespace dadvisor::bench
