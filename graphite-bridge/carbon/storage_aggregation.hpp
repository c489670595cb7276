#pragma once
// storage-aggregation.conf: how the points of one archive become a point of the next coarser one.
// The first section whose pattern is found in the path counts; what it does not say is whisper's
// default: average, xFilesFactor 0.5. Immutable; any thread. Semantics of whisper's aggregate().

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

enum class AggregationMethod { average, sum, last, max, min, avg_zero, absmax, absmin };

struct StorageAggregation {
  AggregationMethod method = AggregationMethod::average;
  double x_files_factor = 0.5;  // 0 ... 1: the share of points that must be known, at the least
};

// The coarse point over `values`, those of one coarse step in order of time, `absent` where there
// is none. Nothing when none or too few are known.
std::optional<double> aggregate_points(StorageAggregation const& how,
                                       std::span<double const> values);

class StorageAggregations {
 public:
  StorageAggregation of(std::string_view path) const;

 private:
  struct Entry {
    Regex pattern;
    StorageAggregation aggregation;
  };
  friend struct LoadedAggregations parse_storage_aggregation(std::string_view, std::string const&);
  std::vector<Entry> entries_;
};

struct LoadedAggregations {
  StorageAggregations aggregations;
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do"
};
LoadedAggregations parse_storage_aggregation(std::string_view text, std::string const& file);

}  // namespace dadvisor::graphite
