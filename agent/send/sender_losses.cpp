// What a Sender cannot keep: thinned, dropped, damaged; counted, and to be told by the next batch.

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "agent/send/sender.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::agent {
namespace {

using std::chrono::seconds;

constexpr int most_thinned_at_once = 4;

}  // namespace

void Sender::tell_damage(WallTime tick) {
  // Once in a run, and not before its step is known.
  if (std::exchange(damage_told_, true) || spool_.damages().empty()) return;
  Losses told;
  for (auto const& damage : spool_.damages()) {
    // Where no batch stands beside it, the missing ones stood a step apart.
    auto const missing = static_cast<std::int64_t>(damage.missing.value_or(1));
    auto const span = std::max<std::int64_t>(0, missing - 1) * step_;
    auto const last = damage.after.value_or(tick) - step_;
    auto const before = damage.before ? *damage.before + step_ : last - span;
    bool const to_the_end = damage.before && !damage.after;
    auto const after = to_the_end ? std::max(before, std::min(before + span, last)) : last;
    auto const batches = damage.missing.value_or(0);
    told.add({LossReason::damaged, std::min(before, after), std::max(before, after), batches},
             step_);
    counters_.lost += batches;
  }
  auto const losses = told.take();
  for (auto const& loss : losses) losses_.add(loss, step_);
  spool_says(spool_.settle_damages(losses));
}

void Sender::make_room(std::uint64_t bytes, WallTime now) {
  // Bounded, for each costs as much time as decoding a segment.
  for (int tried = 0; tried < most_thinned_at_once && spool_.exceeds(bytes); ++tried)
    if (!thin_oldest()) break;
  spool_.trim(
      now, bytes, [this](std::span<Spool::Dropped const> gone) { return lose(gone); },
      [this](std::uint64_t record) { return in_request(record); });
}

bool Sender::thin_oldest() {
  auto const part = spool_.part_to_thin();
  if (!part) return false;
  std::set<std::uint64_t> leaving;
  Losses thinned;
  auto before = part->before ? outline(*part->before) : std::nullopt;
  auto one = part->records.empty() ? std::nullopt : outline(part->records.front());
  for (std::size_t i = 0; i < part->records.size(); ++i) {
    bool const last = i + 1 == part->records.size();
    auto const next = last ? part->behind : std::optional(part->records[i + 1]);
    auto behind = next ? outline(*next) : std::nullopt;
    auto const record = part->records[i];
    if (before && one && behind && may_go(*before, *one, *behind) && !machine_.has_place(record) &&
        !recent_.contains(record)) {
      leaving.insert(record);
      thinned.add({LossReason::thinned, one->tick, one->tick, 1}, step_);
    }
    before = std::move(one);
    one = std::move(behind);
  }
  auto const told = thinned.take();
  auto const result = spool_.thin(part->segment, leaving, told);
  spool_says(result);
  if (!result) return true;
  if (counters_.thinned == 0 && !leaving.empty())
    log_.warning("the spool is full: of its oldest batches one a minute is kept");
  counters_.thinned += leaving.size();
  for (auto const& loss : told) losses_.add(loss, step_);
  for (auto const record : leaving) machine_.forget(record);
  return true;
}

std::optional<Outline> Sender::outline(std::uint64_t record) {
  if (auto const recent = recent_.find(record); recent != recent_.end())
    return outline_of(*recent->second);
  auto const tick = spool_.tick(record);
  auto const bytes = spool_.read(record);
  if (!bytes && tick && !in_request(record)) drop({record, *tick, LossReason::damaged});
  auto const batch = bytes ? decode_frame(*bytes, nullptr) : bytes.error();
  return batch ? std::optional(outline_of(*batch)) : std::nullopt;
}

bool Sender::in_request(std::uint64_t record) const {
  return std::ranges::any_of(posted_, [&](auto const& frame) { return frame.record == record; });
}

void Sender::drop(Spool::Dropped const& one) {
  auto const losses = lose(std::span(&one, 1));
  // What the disk did not take it will hardly take the word of: memory has that as well.
  if (one.reason != LossReason::unwritable) spool_says(spool_.lose(losses, std::array{one.record}));
}

std::vector<Loss> Sender::lose(std::span<Spool::Dropped const> those) {
  if (counters_.lost == 0) log_.warning("batches are lost: the spool cannot keep them");
  Losses all;
  auto apart = step_;
  for (auto const& one : those) {
    ++counters_.lost;
    auto const content = content_of(one.record);
    counters_.dropped_rows += content.rows;
    for (auto const& loss : content.losses) all.add(loss, step_);
    // Of what was thinned the ticks stand a minute apart.
    bool const oldest = one.reason == LossReason::full || one.reason == LossReason::old;
    if (oldest && spool_.has_thinned()) apart = std::max<Nanoseconds>(step_, seconds(30));
    all.add({one.reason, one.tick, one.tick, 1}, apart);
    machine_.forget(one.record);
    recent_.erase(one.record);
  }
  auto losses = all.take();
  for (auto const& loss : losses) losses_.add(loss, apart);
  return losses;
}

Sender::Content Sender::content_of(std::uint64_t record) {
  if (auto const recent = recent_.find(record); recent != recent_.end())
    return {recent->second->rows.size(), recent->second->losses};
  auto const bytes = spool_.read(record);
  auto const batch = bytes ? decode_frame(*bytes, nullptr) : bytes.error();
  return batch ? Content{batch->rows.size(), batch->losses} : Content{};
}

}  // namespace dadvisor::agent
