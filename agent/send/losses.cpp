#include "agent/send/losses.hpp"

#include <algorithm>
#include <utility>

#include "common/core/frame/frame.hpp"

namespace dadvisor::agent {
namespace {

// Between the two; not above 0 where they meet.
Nanoseconds apart(Loss const& a, Loss const& b) {
  return std::max(a.first - b.last, b.first - a.last);
}

void join(Loss& into, Loss const& more) {
  into.first = std::min(into.first, more.first);
  into.last = std::max(into.last, more.last);
  into.batches += more.batches;
}

}  // namespace

void Losses::add(Loss const& loss, Nanoseconds step) {
  auto nearest = losses_.end();
  for (auto at = losses_.begin(); at != losses_.end(); ++at) {
    if (at->reason == loss.reason && apart(*at, loss) <= 2 * step) return join(*at, loss);
    if (nearest == losses_.end() || apart(*at, loss) < apart(*nearest, loss)) nearest = at;
  }
  if (losses_.size() < frame_limit::losses)
    losses_.push_back(loss);
  else
    join(*nearest, loss);
}

std::vector<Loss> Losses::take() {
  auto taken = std::exchange(losses_, {});
  std::ranges::sort(taken, {}, &Loss::first);
  return taken;
}

}  // namespace dadvisor::agent
