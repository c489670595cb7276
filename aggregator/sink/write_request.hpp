#pragma once
// A request of Prometheus remote write 1.0: series with their labels and samples as protobuf,
// compressed by snappy's block format (prometheus.io/docs/concepts/remote_write_spec). Pure.

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dadvisor::aggregator::sink {

struct WriteSample {
  std::int64_t time_ms = 0;  // since the epoch
  double value = 0;
};

struct WriteSeries {
  std::string labels;                // by encode_labels()
  std::vector<WriteSample> samples;  // by time
};

// The value that ends a series: whoever asks later gets nothing, not its last value for minutes
// more (the bits of Prometheus' StaleNaN).
inline double stale_marker() { return std::bit_cast<double>(std::uint64_t{0x7ff0000000000002}); }

// Names and values as fields of a TimeSeries, in the order given, which must be that of the names;
// pairs with an empty value are left out, as the specification wants it.
std::string encode_labels(std::vector<std::pair<std::string_view, std::string_view>> const& labels);

// The body of a request. No series: an empty one.
std::string write_request(std::vector<WriteSeries> const& series);

}  // namespace dadvisor::aggregator::sink
