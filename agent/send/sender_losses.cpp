// What a Sender cannot keep: thinned, dropped, damaged; counted, and to be told by the next batch.

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "agent/send/sender.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::agent {
namespace {

constexpr int most_thinned_at_once = 4;

}  // namespace

void Sender::tell_damage(WallTime tick) {
  // Once in a run, and not before its step is known.
  if (std::exchange(damage_told_, true)) return;
  for (auto const& damage : spool_.damages()) {
    auto const before =
        damage.before ? *damage.before + step_ : damage.after.value_or(tick) - step_;
    auto const after = damage.after ? *damage.after - step_ : before;
    auto const batches = damage.missing.value_or(0);
    losses_.add({LossReason::damaged, std::min(before, after), std::max(before, after), batches},
                step_);
    counters_.lost += batches;
  }
}

void Sender::make_room(std::uint64_t bytes, WallTime now) {
  // Bounded, for each costs as much time as decoding a segment.
  for (int tried = 0; tried < most_thinned_at_once && spool_.exceeds(bytes); ++tried)
    if (!thin_oldest()) break;
  spool_.trim(now, bytes, [this](Spool::Dropped const& gone) { drop(gone); });
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
  if (!bytes && tick) drop({record, *tick, LossReason::damaged});
  auto const batch = bytes ? decode_frame(*bytes, nullptr) : bytes.error();
  return batch ? std::optional(outline_of(*batch)) : std::nullopt;
}

void Sender::drop(Spool::Dropped const& dropped) {
  auto content = content_of(dropped.record);
  bool const under_way = std::any_of(posted_.begin(), posted_.end(), [&](auto const& frame) {
    return frame.record == dropped.record;
  });
  if (under_way)
    in_doubt_.try_emplace(dropped.record, InDoubt{dropped, std::move(content)});
  else
    lose(dropped, content);
}

void Sender::lose(Spool::Dropped const& dropped, Content const& content) {
  if (++counters_.lost == 1) log_.warning("batches are lost: the spool cannot keep them");
  give_up(content, true);
  // Of what was thinned the ticks stand a minute apart.
  bool const oldest = dropped.reason == LossReason::full || dropped.reason == LossReason::old;
  bool const sparse = oldest && spool_.has_thinned();
  losses_.add({dropped.reason, dropped.tick, dropped.tick, 1},
              sparse ? std::max<Nanoseconds>(step_, std::chrono::seconds(30)) : step_);
  machine_.forget(dropped.record);
  recent_.erase(dropped.record);
}

Sender::Content Sender::content_of(std::uint64_t record) {
  if (auto const doubted = in_doubt_.find(record); doubted != in_doubt_.end())
    return doubted->second.content;
  if (auto const recent = recent_.find(record); recent != recent_.end())
    return {recent->second->rows.size(), recent->second->losses};
  auto const bytes = spool_.read(record);
  auto const batch = bytes ? decode_frame(*bytes, nullptr) : bytes.error();
  return batch ? Content{batch->rows.size(), batch->losses} : Content{};
}

void Sender::give_up(Content const& content, bool told_again) {
  counters_.dropped_rows += content.rows;
  if (!told_again) return;
  for (auto const& loss : content.losses) losses_.add(loss, step_);
}

}  // namespace dadvisor::agent
