#pragma once
// Writes Graphite plaintext over TCP to a carbon.
//
// Plaintext has no acknowledgement, so the cursor (the last tick whose lines were handed to the
// kernel) is stepped back two minutes whenever a connection broke or the program starts: carbon
// keeps the last value of a time, sending one twice is harmless. What carbon could not get in
// `retention` is skipped and counted. The cursor is a small file, replaced at most once a second.
//
// A thread of its own; ready(), changed(), counters() from any thread. The destructor stops within
// a second, whatever carbon does.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "aggregator/sink/connection.hpp"
#include "aggregator/sink/sink.hpp"
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
  std::string cursor_file;
  Nanoseconds retention = std::chrono::hours(48);
  Nanoseconds step_back = std::chrono::minutes(2);
  Nanoseconds chunk = std::chrono::minutes(1);               // of ticks read and sent at once
  Nanoseconds resend_spacing = std::chrono::seconds(30);     // of ticks that changed
  Nanoseconds first_pause = std::chrono::milliseconds(500);  // between attempts; doubles
  Nanoseconds longest_pause = std::chrono::seconds(15);
};

struct CarbonCounters {
  std::uint64_t points = 0;                  // handed to the kernel, those sent again too
  std::uint64_t refused = 0;                 // whose path carbon could not take
  std::uint64_t connects = 0, failures = 0;  // of connections, made and broken or refused
  std::uint64_t skipped_seconds = 0;         // of ticks that fell out of the retention unsent
  std::uint64_t read_failures = 0;
  bool connected = false;
  WallTime cursor{};
};

class CarbonSink final : public Sink {
 public:
  // `clock` must outlive the sink. The cursor file is read here; a damaged one starts anew, now.
  CarbonSink(CarbonOptions options, PointReader reader, Clock const& clock, Log log);
  ~CarbonSink() override;
  CarbonSink(CarbonSink const&) = delete;
  CarbonSink& operator=(CarbonSink const&) = delete;

  void ready(WallTime tick) override;
  void changed(WallTime tick) override;
  CarbonCounters counters() const;

 private:
  struct Work {
    WallTime from{}, until{};
    bool again = false;  // ticks that changed: the cursor stays
  };
  void run();
  std::optional<Work> next_work();  // waits; nothing: stopping
  Result<void> send(Work const& work);
  void failed(Error const& error);
  void save_cursor(bool at_once);

  CarbonOptions const options_;
  PointReader const reader_;
  Clock const& clock_;
  Log const log_;

  // The thread's own.
  std::unique_ptr<Connection> connection_;
  MonotonicTime saved_{};
  MonotonicTime resent_{};
  Nanoseconds pause_;
  bool failure_logged_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::optional<WallTime> ready_;
  WallTime cursor_{};
  std::set<WallTime> changed_;
  CarbonCounters counters_;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when everything is there
};

}  // namespace dadvisor::aggregator::sink
