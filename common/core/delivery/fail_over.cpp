#include "common/core/delivery/fail_over.hpp"

#include <algorithm>

namespace dadvisor::delivery {

void FailOver::answered(MonotonicTime now) {
  failing_since_.reset();
  // It holds what it promised when it was asked.
  if (came_back_ && now - back_at_ >= 2 * after_) {
    came_back_ = false;
    rest_ = 1;
  }
}

bool FailOver::failed(MonotonicTime now) {
  if (peers_ < 2) return false;
  if (!failing_since_) failing_since_ = now;
  if (now - *failing_since_ < after_) return false;
  if (came_back_) rest_ = std::min(2 * rest_, longest_rest);
  came_back_ = false;
  go_to((current_ + 1) % peers_, now);
  return true;
}

void FailOver::go_to(std::size_t peer, MonotonicTime now) {
  current_ = peer;
  failing_since_.reset();
  probing_ = false;
  probe_ = 0;
  probe_at_ = current_ == 0 ? std::nullopt : std::optional(now + rest_ * after_);
}

std::optional<MonotonicTime> FailOver::probe_at() const {
  return probing_ ? std::nullopt : probe_at_;
}

std::size_t FailOver::begin_probe() {
  probing_ = true;
  return probe_;
}

bool FailOver::probed(bool answers, MonotonicTime now) {
  // Gone over meanwhile: what was asked is no earlier one any more, or is asked again in time.
  if (!probing_) return false;
  probing_ = false;
  if (answers) {
    go_to(probe_, now);
    came_back_ = true;
    back_at_ = now;
    return true;
  }
  ++probe_;
  if (probe_ < current_) {
    probe_at_ = now;
  } else {
    probe_ = 0;
    probe_at_ = now + rest_ * after_;
  }
  return false;
}

}  // namespace dadvisor::delivery
