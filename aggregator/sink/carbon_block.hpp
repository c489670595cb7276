#pragma once
// Points on their way to a carbon, by one of its two protocols: lines of plaintext, or a pickle of
// [(path, (time, value)), ...] behind its length (carbon's protocols.py, MetricLineReceiver and
// MetricPickleReceiver). Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/format/python_pickle.hpp"

namespace dadvisor::aggregator::sink {

enum class CarbonProtocol { plaintext, pickle };

class CarbonBlock {
 public:
  explicit CarbonBlock(CarbonProtocol protocol) : protocol_(protocol) { begin(); }

  // `time` in unix seconds. Errc::malformed, and nothing added: a path or value that carbon does
  // not take as it is.
  Result<void> add(std::string_view path, double value, std::int64_t time);
  // Whether it should be sent: a pickle stays far below the 1 MiB that carbon takes.
  bool full() const;
  // What is to be sent, empty without a point; the block is empty then.
  std::string take();

 private:
  void begin();

  CarbonProtocol const protocol_;
  std::string lines_;
  graphite::PythonPickle pickle_;
  std::size_t points_ = 0;
};

}  // namespace dadvisor::aggregator::sink
