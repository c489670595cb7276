// Asio and Beast themselves are compiled here, once (BOOST_*_SEPARATE_COMPILATION).
#include <unistd.h>

#include <boost/asio/impl/src.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/src.hpp>

#include "common/http/loop_state.hpp"

namespace dadvisor::http {

struct Timer::State {
  explicit State(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  std::function<void()> function;
  bool cancelled = false;
};

Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}
Timer::~Timer() { cancel(); }

void Timer::cancel() {
  if (!state_) return;
  state_->cancelled = true;
  state_->timer.cancel();
  state_.reset();
}

struct Readable::State {
  explicit State(asio::io_context& io) : file(io) {}
  asio::posix::stream_descriptor file;
  std::function<void()> function;
  bool ended = false;

  static void arm(std::shared_ptr<State> const& state) {
    state->file.async_wait(asio::posix::stream_descriptor::wait_read,
                           [state](boost::system::error_code ec) {
                             if (ec || state->ended) return;
                             state->function();
                             if (!state->ended) arm(state);
                           });
  }
};

Readable::Readable(Readable&&) noexcept = default;
Readable& Readable::operator=(Readable&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Readable::~Readable() {
  if (!state_) return;
  state_->ended = true;
  state_->file.close();
}

Loop::Loop() : state_(std::make_shared<State>()) {}

Loop::~Loop() {
  state_->signals.clear();
  std::unique_ptr<asio::io_context> io;
  {
    std::lock_guard const lock(state_->mutex);
    io = std::move(state_->io);
  }
  // Handlers that never ran are destroyed with `io`, outside the lock: what they hold may post.
}

void Loop::State::post(std::function<void()> function) {
  std::lock_guard const lock(mutex);
  if (io) asio::post(*io, std::move(function));
}

void Loop::run() {
  auto& io = *state_->io;
  auto const work = asio::make_work_guard(io);
  io.restart();
  io.run();
}

void Loop::stop() {
  std::lock_guard const lock(state_->mutex);
  if (state_->io) state_->io->stop();
}

void Loop::post(std::function<void()> function) { state_->post(std::move(function)); }

Timer Loop::after(Nanoseconds delay, std::function<void()> function) {
  Timer timer;
  timer.state_ = std::make_shared<Timer::State>(*state_->io);
  timer.state_->function = std::move(function);
  timer.state_->timer.expires_after(delay);
  timer.state_->timer.async_wait([state = timer.state_](boost::system::error_code ec) {
    if (ec || state->cancelled) return;
    // Moved out first: the function may destroy the Timer and with it what it captured.
    auto const function_now = std::move(state->function);
    function_now();
  });
  return timer;
}

Readable Loop::when_readable(int descriptor, std::function<void()> function) {
  Readable readable;
  readable.state_ = std::make_shared<Readable::State>(*state_->io);
  // Asio closes what it has: a copy, so that the caller's stays open.
  readable.state_->file.assign(::dup(descriptor));
  readable.state_->function = std::move(function);
  Readable::State::arm(readable.state_);
  return readable;
}

void Loop::on_signal(std::initializer_list<int> signals, std::function<void(int)> function) {
  auto& set = state_->signals.emplace_back(*state_->io);
  for (int const number : signals) set.add(number);
  struct Wait {
    static void arm(asio::signal_set& watched, std::function<void(int)> const& call) {
      watched.async_wait([&watched, call](boost::system::error_code ec, int number) {
        if (ec) return;
        arm(watched, call);
        call(number);
      });
    }
  };
  Wait::arm(set, function);
}

}  // namespace dadvisor::http
