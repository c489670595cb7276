#pragma once
// The pace of a sink: which ticks are to be sent next, on a thread of its own, so that a slow or
// dead receiver never holds up ingest.
//
// The cursor is the last tick that was sent; it is a small file, replaced when it moved. What could
// not be sent within `retention` is skipped and counted. Ticks that change after they were sent are
// sent again in their turn, and leave the cursor where it is. After a failure the same is tried
// again, at a growing pause.
//
// ready(), changed(), state() from any thread. The destructor waits for the send under way.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::sink {

struct PumpOptions {
  std::string receiver;  // for the log: "carbon at HOST:PORT"
  std::string cursor_file;
  Nanoseconds retention = std::chrono::hours(48);
  // Of the cursor, at the start and whenever Errc::gone says that what was sent may be lost.
  Nanoseconds step_back = std::chrono::minutes(2);
  Nanoseconds chunk = std::chrono::minutes(1);               // of ticks sent at once
  Nanoseconds cursor_spacing = std::chrono::seconds(1);      // at most so often it is written
  Nanoseconds resend_spacing = std::chrono::seconds(30);     // of ticks that changed
  Nanoseconds first_pause = std::chrono::milliseconds(500);  // between attempts; doubles
  Nanoseconds longest_pause = std::chrono::seconds(15);
};

struct TickSpan {
  WallTime from{}, until{};  // from < tick <= until
  bool again = false;        // ticks that changed after they had been sent
};

struct PumpState {
  WallTime cursor{};
  std::uint64_t skipped_seconds = 0;  // of ticks that fell out of the retention unsent
};

class TickPump {
 public:
  // Sends all figures of a span. Errors: gone (what was sent may be lost too), any other: as if
  // nothing had been sent. On the pump's thread.
  using Send = std::function<Result<void>(TickSpan const& span)>;
  // `clock` must outlive the pump. The cursor file is read here; a damaged one starts anew, now.
  TickPump(PumpOptions options, Send send, Clock const& clock, Log log);
  ~TickPump();
  TickPump(TickPump const&) = delete;
  TickPump& operator=(TickPump const&) = delete;

  void ready(WallTime tick);
  void changed(WallTime tick);
  PumpState state() const;
  // True once the destructor waits: a send should end soon. Any thread.
  bool stopping() const;
  // How long a receiver asked to be left alone; the next pause is no shorter. On the pump's thread.
  void postpone(Nanoseconds pause) { postponed_ = pause; }

 private:
  void run();
  std::optional<TickSpan> next_span();  // waits; nothing: stopping
  void failed(Error const& error);
  void save_cursor(bool at_once);

  PumpOptions const options_;
  Send const send_;
  Clock const& clock_;
  Log const log_;

  // The thread's own.
  MonotonicTime saved_{};
  MonotonicTime resent_{};
  Nanoseconds pause_;
  Nanoseconds postponed_{};
  bool failure_logged_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::optional<WallTime> ready_;
  WallTime cursor_{};
  std::set<WallTime> changed_;
  std::uint64_t skipped_seconds_ = 0;
  bool stopping_ = false;
  std::thread thread_;  // last: starts when everything is there
};

}  // namespace dadvisor::aggregator::sink
