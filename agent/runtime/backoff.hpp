#pragma once
// How long to wait before somebody who does not answer is asked again: each time twice as long, up
// to a bound, and always a little off, so that a thousand hosts do not ask at once. Not
// thread-safe.

#include <algorithm>
#include <chrono>
#include <random>

#include "common/core/clock.hpp"

namespace dadvisor::agent {

class Backoff {
 public:
  Backoff(std::chrono::milliseconds least, std::chrono::milliseconds most)
      : least_(least), most_(most), pause_(least), random_(std::random_device()()) {}

  // The next pause: between a half and the whole of what it has grown to.
  Nanoseconds next() {
    std::uniform_real_distribution<double> jitter(0.5, 1.0);
    auto const pause = std::chrono::duration_cast<Nanoseconds>(pause_ * jitter(random_));
    pause_ = std::min(pause_ * 2, most_);
    return pause;
  }
  // It was answered: the pauses begin anew.
  void reset() { pause_ = least_; }

 private:
  std::chrono::milliseconds least_, most_, pause_;
  std::mt19937 random_;
};

}  // namespace dadvisor::agent
