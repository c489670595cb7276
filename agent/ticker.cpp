#include "agent/ticker.hpp"

#include <algorithm>

namespace dadvisor::agent {

Ticker::Ticker(http::Loop& loop, Clock const& clock, Nanoseconds step,
               std::function<void(WallTime)> on_tick)
    : loop_(loop),
      clock_(clock),
      step_(step),
      on_tick_(std::move(on_tick)),
      next_(tick_of(clock.wall(), step) + step) {
  arm();
}

void Ticker::arm() {
  auto const left = next_ - clock_.wall();
  timer_ = loop_.after(std::clamp<Nanoseconds>(left, Nanoseconds::zero(), std::chrono::seconds(1)),
                       [this] { look(); });
}

void Ticker::look() {
  auto const now = clock_.wall();
  if (now < next_) {
    if (next_ - now > step_) next_ = tick_of(now, step_) + step_;  // the clock was set back
    return arm();
  }
  auto const tick = tick_of(now, step_);
  skipped_ += static_cast<std::uint64_t>((tick - next_) / step_);
  next_ = tick + step_;
  on_tick_(tick);
  arm();
}

}  // namespace dadvisor::agent
