#pragma once
// Where rolled-up figures go besides our own store: each sink reads them back at its own pace from
// its own cursor, so that a slow or dead one never holds up ingest.

#include "common/core/clock.hpp"

namespace dadvisor::aggregator::sink {

class Sink {
 public:
  virtual ~Sink() = default;
  // `tick` is ready: it and everything before it may be sent. Any thread; returns at once.
  virtual void ready(WallTime tick) = 0;
  // Rows for `tick` came after it was ready: what was sent of it may have to be sent again. Any
  // thread; returns at once.
  virtual void changed(WallTime tick) = 0;
};

}  // namespace dadvisor::aggregator::sink
