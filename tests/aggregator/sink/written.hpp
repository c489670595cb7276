#pragma once
// A request of remote write, read as its receiver does.

#include <snappy.h>

#include <catch2/catch.hpp>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

#include "aggregator/sink/write_request.hpp"

namespace dadvisor::aggregator::sink::test {

struct Written {
  std::string labels;  // "name=value,..." in their order
  std::vector<WriteSample> samples;
};

inline std::vector<Written> written(std::string const& body) {
  std::string message;
  REQUIRE(snappy::Uncompress(body.data(), body.size(), &message));
  std::vector<Written> out;
  protozero::pbf_reader request(message);
  while (request.next(1)) {
    auto& one = out.emplace_back();
    auto series = request.get_message();
    while (series.next()) {
      bool const label = series.tag() == 1;
      auto part = series.get_message();
      WriteSample sample;
      while (part.next()) {
        if (label)
          one.labels += part.tag() == 2 ? "=" + part.get_string()
                                        : (one.labels.empty() ? "" : ",") + part.get_string();
        else if (part.tag() == 1)
          sample.value = part.get_double();
        else
          sample.time_ms = part.get_int64();
      }
      if (!label) one.samples.push_back(sample);
    }
  }
  return out;
}

}  // namespace dadvisor::aggregator::sink::test
