#pragma once
// The event loop that one thread runs: timers, signals, calls from other threads, and below it
// the sockets of Server and Client. Everything made on a Loop must be destroyed before it.

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>

#include "common/core/clock.hpp"

namespace dadvisor::http {

class Loop;

// A call in the future; destroying or cancelling it takes it back. Owned by the loop's thread.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  ~Timer();
  void cancel();

 private:
  friend class Loop;
  struct State;
  std::shared_ptr<State> state_;
};

// A wait for a file that is not of this folder; destroying it ends the wait. Owned by the loop's
// thread.
class Readable {
 public:
  Readable() = default;
  Readable(Readable&&) noexcept;
  Readable& operator=(Readable&&) noexcept;
  ~Readable();

 private:
  friend class Loop;
  struct State;
  std::shared_ptr<State> state_;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(Loop const&) = delete;
  Loop& operator=(Loop const&) = delete;

  // Runs until stop(), also while nothing is under way. May be called again after it returned.
  // What a posted function, a timer or a signal's function throws comes out here.
  void run();
  // Any thread; run() returns after what it is just doing.
  void stop();
  // Calls `function` on the loop's thread, in the order of posting. Any thread. After the Loop
  // has gone, functions are dropped.
  void post(std::function<void()> function);

  // The loop's thread, or before run().
  [[nodiscard]] Timer after(Nanoseconds delay, std::function<void()> function);
  // Calls `function` whenever `descriptor` (a pipe, an inotify or epoll descriptor: what epoll(7)
  // takes) has something to read, until the Readable is destroyed; `function` is to take it. The
  // descriptor stays the caller's.
  [[nodiscard]] Readable when_readable(int descriptor, std::function<void()> function);
  // Calls `function` with the signal's number each time one of them comes; SIGPIPE is of no
  // concern, sockets here do not raise it.
  void on_signal(std::initializer_list<int> signals, std::function<void(int)> function);

  // For the files of this folder.
  struct State;
  std::shared_ptr<State> const& state() const { return state_; }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace dadvisor::http
