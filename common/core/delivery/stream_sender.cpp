#include "common/core/delivery/stream_sender.hpp"

#include <algorithm>
#include <iterator>

namespace dadvisor::delivery {

void StreamSender::restore(std::uint64_t record, std::optional<Place> place) {
  if (!place) {
    lane(Lane::backlog).waiting.push_back({record, 0, 0, {}});
    return;
  }
  auto& state = lane(place->lane);
  auto const behind =
      std::upper_bound(state.placed.begin(), state.placed.end(), place->sequence,
                       [](auto sequence, Item const& item) { return sequence < item.sequence; });
  state.placed.insert(behind, {record, place->sequence, 0, {}});
  state.next = std::max(state.next, place->sequence + 1);
}

void StreamSender::produced(std::uint64_t record, std::uint64_t schema_version,
                            MonotonicTime send_at) {
  lane(Lane::fresh).waiting.push_back({record, 0, schema_version, send_at});
}

void StreamSender::forget(std::uint64_t record) {
  auto const is_it = [&](Item const& item) { return item.record == record; };
  for (auto& state : lanes_) {
    std::erase_if(state.waiting, is_it);
    std::erase_if(state.placed, is_it);
  }
}

bool StreamSender::has_place(std::uint64_t record) const {
  return std::ranges::any_of(lanes_, [&](LaneState const& state) {
    return std::ranges::any_of(state.placed,
                               [&](Item const& item) { return item.record == record; });
  });
}

std::size_t StreamSender::waiting() const {
  std::size_t count = 0;
  for (auto const& state : lanes_) count += state.waiting.size() + state.placed.size();
  return count;
}

StreamSender::Action StreamSender::next(MonotonicTime now) {
  if (under_way_) return Wait{};
  if (now < not_before_) return Wait{not_before_};
  if (!connected_) {
    under_way_ = true;
    SayHello hello{epoch_, {}};
    for (auto const which : {Lane::fresh, Lane::backlog}) {
      auto const& state = lane(which);
      hello.first[which] = state.placed.empty() ? state.next : state.placed.front().sequence;
    }
    return hello;
  }

  // What could not go within a window is no longer fresh, but for the newest.
  auto& fresh = lane(Lane::fresh).waiting;
  if (fresh.size() > window) {
    auto& backlog = lane(Lane::backlog).waiting;
    std::move(fresh.begin(), fresh.end() - 1, std::back_inserter(backlog));
    fresh.erase(fresh.begin(), fresh.end() - 1);
  }

  std::size_t const limit = one_by_one_ > 0 ? 1 : window;
  std::vector<Frame> frames;
  add_frames(Lane::fresh, limit, now, frames);
  posted_backlog_ = false;
  if (now >= backlog_at_ && (one_by_one_ == 0 || frames.empty())) {
    auto const before = frames.size();
    add_frames(Lane::backlog, std::min(limit, backlog_limit_), now, frames);
    posted_backlog_ = frames.size() > before;
  }
  if (frames.empty()) return wait_for();
  under_way_ = true;
  posted_at_ = now;
  posted_ = frames;
  return Post{std::move(frames)};
}

StreamSender::Wait StreamSender::wait_for() const {
  Wait wait;
  auto const at_latest = [&](MonotonicTime time) {
    wait.until = wait.until ? std::min(*wait.until, time) : time;
  };
  if (!lanes_[0].waiting.empty()) at_latest(lanes_[0].waiting.front().send_at);
  auto const& backlog = lanes_[1];
  if (!backlog.placed.empty())
    at_latest(backlog_at_);
  else if (!backlog.waiting.empty())
    at_latest(std::max(backlog_at_, backlog.waiting.front().send_at));
  return wait;
}

void StreamSender::add_frames(Lane which, std::size_t limit, MonotonicTime now,
                              std::vector<Frame>& frames) {
  auto& state = lane(which);
  std::size_t taken = 0;
  for (auto const& item : state.placed) {
    if (taken == limit) return;
    frames.push_back(frame_of(which, item, false));
    ++taken;
  }
  while (taken < limit && !state.waiting.empty() && state.waiting.front().send_at <= now) {
    auto item = state.waiting.front();
    state.waiting.pop_front();
    item.sequence = state.next++;
    state.placed.push_back(item);
    frames.push_back(frame_of(which, item, true));
    ++taken;
  }
}

StreamSender::Frame StreamSender::frame_of(Lane which, Item const& item, bool newly_placed) {
  Frame frame{item.record, {which, item.sequence}, newly_placed, std::nullopt};
  if (which == Lane::backlog) return frame;  // key frames only: nothing to hold for it over there
  bool const same_schemas =
      base_ && item.schema_version != 0 && base_->schema_version == item.schema_version;
  if (same_schemas && ++since_key_ < key_every)
    frame.base = base_->sequence;
  else
    since_key_ = 0;
  return frame;
}

bool StreamSender::acknowledge(Lane which, std::uint64_t hi) {
  auto& state = lane(which);
  bool progress = false;
  while (!state.placed.empty() && state.placed.front().sequence <= hi) {
    auto const& item = state.placed.front();
    if (which == Lane::fresh && connected_) base_ = Base{item.sequence, item.schema_version};
    done_.push_back(item.record);
    state.placed.pop_front();
    progress = true;
  }
  state.next = std::max(state.next, hi + 1);
  return progress;
}

void StreamSender::welcomed(LaneMarks const& hi, MonotonicTime now, double dice) {
  under_way_ = false;
  for (auto const which : {Lane::fresh, Lane::backlog}) acknowledge(which, hi[which]);
  connected_ = true;
  // Who lost the link with us pauses as long as we may: what is fresh of all of them goes before
  // anybody's backlog, which then does not begin at once everywhere.
  if (failures_ == 0) return;
  auto const most = static_cast<double>(most_pause(failures_).count());
  auto const rest = Nanoseconds(static_cast<std::int64_t>(most * (1 + dice)));
  backlog_at_ = std::max(backlog_at_, now + rest);
}

void StreamSender::refused_conflict(MonotonicTime now, double dice) { failed(now, dice); }

void StreamSender::refused_old_epoch(std::uint64_t known) {
  under_way_ = false;
  epoch_ = known + 1;
  auto& backlog = lane(Lane::backlog);
  for (auto& state : lanes_) {
    std::move(state.placed.begin(), state.placed.end(), std::back_inserter(backlog.waiting));
    state.placed.clear();
    state.next = 1;
  }
  std::sort(backlog.waiting.begin(), backlog.waiting.end(),
            [](Item const& a, Item const& b) { return a.record < b.record; });
}

void StreamSender::receiver_changed(MonotonicTime now) {
  for (auto& state : lanes_) {
    state.waiting.insert(state.waiting.begin(), state.placed.begin(), state.placed.end());
    state.placed.clear();
    state.next = 1;
  }
  lose_connection(now, Nanoseconds::zero());
  failures_ = 0;
  one_by_one_ = 0;
  backlog_at_ = now;
  backlog_limit_ = window;
  backlog_failures_ = 0;
}

void StreamSender::answered(BatchesReply const& reply, MonotonicTime now, double dice) {
  under_way_ = false;
  if (posted_backlog_) backlog_at_ = std::max(backlog_at_, now + backlog_rest * (now - posted_at_));
  if (reply.want == BatchesReply::Want::hello) {
    lose_connection(now, failures_ == 0 ? Nanoseconds::zero() : pause(dice));
    ++failures_;
    return;
  }
  bool progress = acknowledge(Lane::fresh, reply.acked.fresh);
  bool const took_backlog = acknowledge(Lane::backlog, reply.acked.backlog);
  if (took_backlog) {
    backlog_limit_ = std::min<std::size_t>(2 * backlog_limit_, window);
    backlog_failures_ = 0;
  } else if (posted_backlog_) {
    backlog_refused(now + pause(backlog_failures_, dice));
  }
  progress = progress || took_backlog;
  refused_ += reply.refused.size();
  if (one_by_one_ > 0) --one_by_one_;
  if (reply.want != BatchesReply::Want::nothing) {
    auto const& placed = lane(reply.lane).placed;
    bool const can_give = !placed.empty() && placed.front().sequence == reply.sequence;
    base_.reset();
    // Without progress, and a base was not the reason: something is odd over there.
    if (!can_give) {
      lose_connection(now, progress ? Nanoseconds::zero() : pause(dice));
      if (!progress) ++failures_;
      return;
    }
    bool const had_delta = std::any_of(posted_.begin(), posted_.end(),
                                       [](Frame const& frame) { return frame.base.has_value(); });
    progress = progress || had_delta;
  }
  if (!progress) {
    failed(now, dice);
    return;
  }
  failures_ = 0;
}

void StreamSender::rejected(MonotonicTime now, double dice) {
  under_way_ = false;
  if (posted_.size() > 1) {
    one_by_one_ = posted_.size();
    lose_connection(now, Nanoseconds::zero());
    return;
  }
  if (one_by_one_ > 0) --one_by_one_;
  // What is set aside leaves a hole, which the next hello declares. With a pause: a peer that
  // rejects everything shall not empty the spool at once.
  lose_connection(now, pause(dice));
  ++failures_;
  for (auto const& frame : posted_) {
    auto& placed = lane(frame.place.lane).placed;
    if (std::erase_if(placed, [&](Item const& item) { return item.record == frame.record; }) == 0)
      continue;
    done_.push_back(frame.record);
    ++set_aside_;
  }
}

Nanoseconds StreamSender::most_pause(unsigned failures) {
  Nanoseconds most = std::chrono::seconds(1);
  for (unsigned i = 0; i < failures && most < longest_pause; ++i) most *= 2;
  return std::min(most, longest_pause);
}

Nanoseconds StreamSender::pause(unsigned failures, double dice) {
  auto const drawn = static_cast<double>(most_pause(failures).count()) * dice;
  return std::max<Nanoseconds>(Nanoseconds(static_cast<std::int64_t>(drawn)),
                               std::chrono::milliseconds(50));
}

void StreamSender::backlog_refused(MonotonicTime until) {
  backlog_at_ = std::max(backlog_at_, until);
  backlog_limit_ = 1;
  ++backlog_failures_;
}

void StreamSender::lose_connection(MonotonicTime now, Nanoseconds pause) {
  connected_ = false;
  base_.reset();
  not_before_ = now + pause;
}

void StreamSender::failed(MonotonicTime now, double dice) {
  under_way_ = false;
  lose_connection(now, pause(dice));
  ++failures_;
}

void StreamSender::told_to_wait(Nanoseconds asked, MonotonicTime now, double dice) {
  under_way_ = false;
  asked = std::clamp<Nanoseconds>(asked, Nanoseconds::zero(), std::chrono::minutes(10));
  // A random bit more: else all agents that were told the same come back at once.
  if (connected_ && posted_backlog_) backlog_refused(now + asked + pause(backlog_failures_, dice));
  bool const waits = !connected_ || std::ranges::any_of(posted_, [](Frame const& frame) {
    return frame.place.lane == Lane::fresh;
  });
  if (!waits) return;
  not_before_ = now + asked + pause(dice);
  ++failures_;
}

std::vector<std::uint64_t> StreamSender::take_done() {
  std::vector<std::uint64_t> done;
  done.swap(done_);
  return done;
}

}  // namespace dadvisor::delivery
