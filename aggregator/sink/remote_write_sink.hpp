#pragma once
// Writes figures to whatever takes Prometheus remote write 1.0: Prometheus, VictoriaMetrics, Mimir,
// Thanos, and so onto an engine of many machines.
//
// What was acknowledged (2xx) is never sent again but for ticks that changed. 5xx and 429, and no
// answer at all, are tried again, as long as our own store has the figures; another 4xx cannot be
// mended by sending it again: a request of several ticks is sent tick by tick then, and what is
// refused of that is counted and left (the specification; a receiver that takes nothing older than
// what it has refuses late ticks so). An entity that has no value any more gets stale markers.
//
// A thread of its own; ready(), changed(), counters() from any thread. The destructor stops within
// a second, whatever the receiver does.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "aggregator/series/point_place.hpp"
#include "aggregator/sink/live_series.hpp"
#include "aggregator/sink/sink.hpp"
#include "aggregator/sink/tick_pump.hpp"
#include "aggregator/sink/write_request.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"
#include "common/curl/http_post.hpp"

namespace dadvisor::aggregator::sink {

// Calls `point` for every figure with from < tick <= until, series by series, by tick within one.
// On the sink's thread.
using PlacedReader =
    std::function<Result<void>(WallTime from, WallTime until, series::PointVisitor const& point)>;

struct RemoteWriteOptions {
  std::string url;                                     // http or https
  std::string token;                                   // Authorization: Bearer; empty: none
  std::string ca_file;                                 // PEM; empty: the system's
  PumpOptions pump;                                    // without its receiver
  std::size_t most_samples = 10'000;                   // of one request
  Nanoseconds ended_after = std::chrono::seconds(30);  // without any value
  std::chrono::milliseconds timeout{30'000};           // of one request
};

struct RemoteWriteCounters {
  std::uint64_t samples = 0;          // acknowledged, stale markers too
  std::uint64_t refused = 0;          // by a 4xx
  std::uint64_t stale = 0;            // markers
  std::uint64_t requests = 0;         // answered, whatever the answer
  std::uint64_t bytes = 0;            // of their bodies
  std::uint64_t failures = 0;         // requests to be sent again: 5xx, 429, no answer
  std::uint64_t skipped_seconds = 0;  // of ticks that fell out of the retention unsent
  std::uint64_t read_failures = 0;
  bool connected = false;  // the last request was answered by 2xx or 4xx
  WallTime cursor{};
};

class RemoteWriteSink final : public Sink {
 public:
  // `clock` must outlive the sink.
  RemoteWriteSink(RemoteWriteOptions options, PlacedReader reader, Clock const& clock, Log log);
  ~RemoteWriteSink() override;

  void ready(WallTime tick) override { pump_->ready(tick); }
  void changed(WallTime tick) override { pump_->changed(tick); }
  RemoteWriteCounters counters() const;
  std::string const& receiver() const { return options_.url; }

 private:
  using Batch = std::vector<WriteSeries>;

  Result<void> send(TickSpan const& span);
  Result<void> read(TickSpan const& span);
  Result<void> prime(WallTime from);
  Result<void> post_waiting();
  Result<bool> post(Batch const& batch);
  Error failed(std::string why);

  RemoteWriteOptions const options_;
  PlacedReader const reader_;
  Log const log_;
  std::stop_source stop_;

  // The pump's thread's.
  curl::HttpPoster poster_;
  std::optional<TickSpan> span_;  // what waiting_ is of
  std::deque<Batch> waiting_;
  LiveSeries live_;
  bool primed_ = false;
  bool refusal_logged_ = false;

  mutable std::mutex mutex_;  // guards what follows
  RemoteWriteCounters counters_;
  std::unique_ptr<TickPump> pump_;  // last: its thread uses the others
};

}  // namespace dadvisor::aggregator::sink
