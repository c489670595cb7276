#include "aggregator/sink/tick_pump.hpp"

#include <algorithm>
#include <charconv>

#include "common/core/fd.hpp"

namespace dadvisor::aggregator::sink {

namespace {

using namespace std::chrono_literals;

// The cursor file's text: the tick in unix seconds.
std::optional<WallTime> parse_cursor(std::string const& text) {
  std::int64_t seconds = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end == text.data() || seconds <= 0) return std::nullopt;
  return from_unix_seconds(seconds);
}

}  // namespace

TickPump::TickPump(PumpOptions options, Send send, Clock const& clock, Log log)
    : options_(std::move(options)),
      send_(std::move(send)),
      clock_(clock),
      log_(std::move(log)),
      pause_(options_.first_pause) {
  auto const now = clock_.wall();
  auto const text = read_file(options_.cursor_file, 64);
  auto const kept = text ? parse_cursor(*text) : std::nullopt;
  if (text && !kept)
    log_.warning("{}: not a cursor; {} gets what comes from now on", options_.cursor_file,
                 options_.receiver);
  cursor_ = kept.value_or(now) - options_.step_back;
  thread_ = std::thread([this] { run(); });
}

TickPump::~TickPump() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void TickPump::ready(WallTime tick) {
  {
    std::lock_guard lock(mutex_);
    if (!ready_ || *ready_ < tick) ready_ = tick;
  }
  wake_.notify_all();
}

void TickPump::changed(WallTime tick) {
  std::lock_guard lock(mutex_);
  if (tick <= cursor_) changed_.insert(tick);
}

PumpState TickPump::state() const {
  std::lock_guard lock(mutex_);
  return {cursor_, skipped_seconds_};
}

bool TickPump::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

std::optional<TickSpan> TickPump::next_span() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return std::nullopt;
    auto const oldest = clock_.wall() - options_.retention;
    if (cursor_ < oldest) {
      skipped_seconds_ += static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::seconds>(oldest - cursor_).count());
      cursor_ = oldest;
    }
    if (ready_ && cursor_ < *ready_)
      return TickSpan{cursor_, std::min(*ready_, cursor_ + options_.chunk), false};
    bool const due = clock_.monotonic() - resent_ >= options_.resend_spacing;
    if (due && !changed_.empty()) {
      auto const first = *changed_.begin();
      auto last = first;
      while (!changed_.empty() && *changed_.begin() <= first + options_.chunk) {
        last = *changed_.begin();
        changed_.erase(changed_.begin());
      }
      if (changed_.empty()) resent_ = clock_.monotonic();
      return TickSpan{first - 1ns, last, true};
    }
    // A minute without a tick is no reason to look; changed ticks wait for their time.
    wake_.wait_for(lock, changed_.empty() ? Nanoseconds(60s) : options_.resend_spacing);
  }
}

void TickPump::run() {
  for (;;) {
    auto const span = next_span();
    if (!span) break;
    auto const sent = send_(*span);
    if (sent) {
      pause_ = options_.first_pause;
      if (failure_logged_) log_.info("{} takes points again", options_.receiver);
      failure_logged_ = false;
      std::unique_lock lock(mutex_);
      if (!span->again) cursor_ = span->until;
      lock.unlock();
      save_cursor(false);
      continue;
    }
    failed(sent.error());
    std::unique_lock lock(mutex_);
    if (span->again) {
      for (auto tick = span->from + 1ns; tick <= span->until; tick += 1s) changed_.insert(tick);
    }
    wake_.wait_for(lock, std::max(pause_, postponed_), [this] { return stopping_; });
    postponed_ = {};
    pause_ = std::min(pause_ * 2, options_.longest_pause);
  }
  save_cursor(true);
}

void TickPump::failed(Error const& error) {
  {
    std::lock_guard lock(mutex_);
    if (error.code == Errc::gone) cursor_ -= options_.step_back;
  }
  if (!failure_logged_)
    log_.warning("{}: {}; what it misses is kept and sent later", options_.receiver,
                 to_string(error));
  failure_logged_ = true;
}

void TickPump::save_cursor(bool at_once) {
  auto const now = clock_.monotonic();
  if (!at_once && now - saved_ < options_.cursor_spacing) return;
  saved_ = now;
  std::unique_lock lock(mutex_);
  auto const text = std::to_string(unix_seconds(cursor_)) + "\n";
  lock.unlock();
  if (auto const saved = replace_file(options_.cursor_file, text); !saved)
    log_.warning("{}", to_string(saved.error()));
}

}  // namespace dadvisor::aggregator::sink
