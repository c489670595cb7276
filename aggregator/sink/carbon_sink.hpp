#pragma once
// Writes Graphite plaintext, or pickles, over TCP to a carbon or a relay.
//
// Neither has an acknowledgement, so the cursor (the last tick whose points were handed to the
// kernel) is stepped back two minutes whenever a connection broke or the program starts: carbon
// keeps the last value of a time, sending one twice is harmless.
//
// A thread of its own; ready(), changed(), counters() from any thread. The destructor stops within
// a second, whatever carbon does.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "aggregator/sink/carbon_block.hpp"
#include "aggregator/sink/carbon_route.hpp"
#include "aggregator/sink/connection.hpp"
#include "aggregator/sink/sink.hpp"
#include "aggregator/sink/tick_pump.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::sink {

// Calls `point` for every figure with from < tick <= until. On the sink's thread.
using PointVisitor = std::function<void(std::string_view path, double value, WallTime tick)>;
using PointReader =
    std::function<Result<void>(WallTime from, WallTime until, PointVisitor const& point)>;

struct CarbonOptions {
  std::string host;
  std::uint16_t port = 2003;
  CarbonProtocol protocol = CarbonProtocol::plaintext;
  CarbonRouting routing;
  PumpOptions pump;  // without its receiver
};

struct CarbonCounters {
  std::uint64_t points = 0;                  // handed to the kernel, those sent again too
  std::uint64_t refused = 0;                 // whose path carbon could not take
  std::uint64_t filtered = 0;                // kept away by whitelist.conf or blacklist.conf
  std::uint64_t connects = 0, failures = 0;  // of connections, made and broken or refused
  std::uint64_t skipped_seconds = 0;         // of ticks that fell out of the retention unsent
  std::uint64_t read_failures = 0;
  bool connected = false;
  WallTime cursor{};
};

class CarbonSink final : public Sink {
 public:
  // `clock` must outlive the sink.
  CarbonSink(CarbonOptions options, PointReader reader, Clock const& clock, Log log);

  void ready(WallTime tick) override { pump_->ready(tick); }
  void changed(WallTime tick) override { pump_->changed(tick); }
  CarbonCounters counters() const;
  std::string receiver() const;  // HOST:PORT

 private:
  Result<void> send(TickSpan const& span);
  Result<void> connect();
  Error failed(Errc code, std::string why);

  std::string const host_;
  std::uint16_t const port_;
  CarbonProtocol const protocol_;
  PointReader const reader_;

  // The pump's thread's.
  CarbonRoute route_;
  std::unique_ptr<Connection> connection_;

  mutable std::mutex mutex_;  // guards what follows
  CarbonCounters counters_;
  std::unique_ptr<TickPump> pump_;  // last: its thread uses the others
};

}  // namespace dadvisor::aggregator::sink
