#include "common/core/delivery/stream_receiver.hpp"

#include <algorithm>

namespace dadvisor::delivery {

void StreamReceiver::restore(std::uint64_t epoch, Lane lane, std::uint64_t sequence) {
  if (known_ && epoch < epoch_) return;
  if (!known_ || epoch > epoch_) hi_ = {};
  known_ = true;
  epoch_ = epoch;
  hi_[lane] = std::max(hi_[lane], sequence);
}

bool StreamReceiver::conflicting(Hello const& hello, MonotonicTime now) const {
  if (hello.instance == instance_) return false;
  if (hello.boot_id != boot_id_ && spoke_within(silence, now)) return true;
  bool const was_fenced =
      std::find(fenced_.begin(), fenced_.end(), hello.instance) != fenced_.end();
  return was_fenced && spoke_within(fence, now);
}

HelloReply StreamReceiver::hello(Hello const& hello, MonotonicTime now) {
  HelloReply reply;
  lost_ranges_.clear();
  if (conflicting(hello, now)) {
    ++conflicts_;
    reply.kind = HelloReply::Kind::conflict;
    reply.epoch = epoch_;
    reply.text = "another agent speaks as " + agent_ + ": give each host its own agent id";
    return reply;
  }
  if (known_ && hello.epoch < epoch_) {
    reply.kind = HelloReply::Kind::old_epoch;
    reply.epoch = epoch_;
    reply.text = "epoch " + std::to_string(hello.epoch) + " is over: " + std::to_string(epoch_) +
                 " is known";
    return reply;
  }

  if (hello.instance != instance_) {
    if (!instance_.empty()) {
      std::size_t constexpr remembered = 4;
      if (fenced_.size() == remembered) fenced_.erase(fenced_.begin());
      fenced_.push_back(instance_);
    }
    std::erase(fenced_, hello.instance);
    instance_ = hello.instance;
  }
  boot_id_ = hello.boot_id;
  spoke_ = now;

  bool const same_stream = known_ && hello.epoch == epoch_;
  if (!same_stream) hi_ = {};
  known_ = true;
  epoch_ = hello.epoch;
  for (auto const lane : {Lane::fresh, Lane::backlog}) {
    if (hello.first[lane] <= hi_[lane] + 1) continue;
    if (same_stream) {
      lost_ += hello.first[lane] - 1 - hi_[lane];
      lost_ranges_.push_back({lane, hi_[lane] + 1, hello.first[lane] - 1});
    }
    hi_[lane] = hello.first[lane] - 1;
  }
  reply.hi = hi_;
  return reply;
}

StreamReceiver::Verdict StreamReceiver::judge(FrameHeader const& header, std::string_view instance,
                                              bool base_held, MonotonicTime now) {
  if (instance != instance_ || header.stream.epoch != epoch_) return Verdict::hello;
  spoke_ = now;
  auto const hi = hi_[header.lane];
  if (header.sequence <= hi) return Verdict::repeat;
  if (header.sequence != hi + 1) return Verdict::gap;
  if (header.base && !base_held) return Verdict::key;
  return Verdict::apply;
}

void StreamReceiver::durable(Lane lane, std::uint64_t sequence) {
  hi_[lane] = std::max(hi_[lane], sequence);
}

}  // namespace dadvisor::delivery
