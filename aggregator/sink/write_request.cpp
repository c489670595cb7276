#include "aggregator/sink/write_request.hpp"

#include <snappy.h>

#include <protozero/pbf_writer.hpp>

namespace dadvisor::aggregator::sink {

namespace {

// Fields of the messages WriteRequest, TimeSeries, Label and Sample (prometheus/prompb).
constexpr protozero::pbf_tag_type timeseries = 1, labels_field = 1, samples_field = 2;
constexpr protozero::pbf_tag_type name = 1, value = 2, sample_value = 1, sample_time = 2;

}  // namespace

std::string encode_labels(
    std::vector<std::pair<std::string_view, std::string_view>> const& labels) {
  std::string out;
  protozero::pbf_writer series(out);
  for (auto const& [label, text] : labels) {
    if (text.empty()) continue;
    protozero::pbf_writer message(series, labels_field);
    message.add_string(name, label.data(), label.size());
    message.add_string(value, text.data(), text.size());
  }
  return out;
}

std::string write_request(std::vector<WriteSeries> const& series) {
  std::string message;
  protozero::pbf_writer request(message);
  std::string fields;
  for (auto const& one : series) {
    fields = one.labels;
    protozero::pbf_writer out(fields);
    for (auto const& sample : one.samples) {
      protozero::pbf_writer written(out, samples_field);
      written.add_double(sample_value, sample.value);
      written.add_int64(sample_time, sample.time_ms);
    }
    request.add_message(timeseries, fields);
  }
  std::string compressed;
  snappy::Compress(message.data(), message.size(), &compressed);
  return compressed;
}

}  // namespace dadvisor::aggregator::sink
