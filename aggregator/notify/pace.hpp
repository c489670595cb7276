#pragma once
// How fast messages may go one way: a token bucket. Not thread-safe.

#include <algorithm>

#include "common/core/clock.hpp"

namespace dadvisor::aggregator::notify {

// At most `burst` messages at once, and one each `every` in the long run. burst 0: no limit.
struct Pace {
  double burst = 0;
  Nanoseconds every{};
};

class Bucket {
 public:
  // Begins with one message allowed: so restarts in a row cannot add up to a burst each.
  Bucket(Pace pace, MonotonicTime now) : pace_(pace), tokens_(1), filled_(now), shut_(now) {}

  // Until a message may go; zero: now.
  Nanoseconds wait(MonotonicTime now) {
    if (pace_.burst <= 0) return std::max(shut_ - now, Nanoseconds::zero());
    fill(now);
    auto const missing = Nanoseconds(static_cast<std::int64_t>(
        std::max(0.0, 1 - tokens_) * static_cast<double>(pace_.every.count())));
    return std::max(missing, Nanoseconds(shut_ - now));
  }
  // Whether the message that may go now is the last for a while: then it should tell of all.
  bool last(MonotonicTime now) {
    fill(now);
    return pace_.burst > 0 && tokens_ < 2;
  }
  void take(MonotonicTime now) {
    fill(now);
    tokens_ -= 1;
  }
  void shut(MonotonicTime until) { shut_ = std::max(shut_, until); }

 private:
  void fill(MonotonicTime now) {
    if (pace_.burst <= 0) return;
    tokens_ = std::min(pace_.burst, tokens_ + static_cast<double>((now - filled_).count()) /
                                                  static_cast<double>(pace_.every.count()));
    filled_ = now;
  }

  Pace pace_;
  double tokens_;
  MonotonicTime filled_;
  MonotonicTime shut_;
};

}  // namespace dadvisor::aggregator::notify
