#include "aggregator/notify/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "aggregator/alert/incident_id.hpp"
#include "aggregator/notify/entry_json.hpp"

namespace dadvisor::aggregator::notify {

namespace {

Told told_by(alert::Transition const& notice) {
  return {notice.state.sequence, notice.state.status, notice.state.level};
}

bool resolved(alert::Transition const& notice) {
  return notice.state.status == alert::Status::resolved;
}

std::string app_of(alert::Transition const& notice) {
  auto const found = notice.state.labels.find("app");
  return found == notice.state.labels.end() ? std::string() : found->second;
}

std::string batch_id(std::string const& receiver, std::vector<alert::Transition> const& notices) {
  std::string key = receiver;
  for (auto const& notice : notices)
    key += fmt::format("|{}.{}", notice.state.incident, notice.state.sequence);
  auto const low = alert::fnv1a(key);
  return fmt::format("{:016x}{:016x}", alert::fnv1a(key, low), low);
}

}  // namespace

Result<Outbox> Outbox::open(OutboxOptions options, WallTime now, Log const& log) {
  Outbox outbox(std::move(options));
  if (auto done = outbox.load(now, log); !done) return done.error();
  outbox.now_ = now;
  // The old file is whole as long as the new one is not: on a full disk the next sync() tries again.
  if (auto done = outbox.rewrite(); !done) {
    if (done.error().os_error != ENOSPC) return done.error();
    ++outbox.counters_.write_failures;
    log.error("nothing is told until there is room: {}", to_string(done.error()));
  }
  return outbox;
}

Result<void> Outbox::load(WallTime now, Log const& log) {
  std::error_code error;
  if (!std::filesystem::exists(options_.path, error)) return {};
  auto const read = alert::read_records(options_.path);
  if (!read) return read.error();
  if (read->torn) log.warning("{} ends within a record; what was whole is taken", options_.path);
  for (auto const& record : read->records) {
    auto entry = parse_outbox_record(record);
    if (!entry) return entry.error().within(options_.path);
    if (!*entry) continue;
    Key key((*entry)->incident, (*entry)->receiver);
    entries_[key] = std::move(**entry);
  }
  for (auto& [key, entry] : entries_) {
    if (entry.flying) {
      // It may have arrived; nobody can say.
      bool const newest = entry.flying->sequence == entry.notice.state.sequence;
      entry.told = entry.flying;
      entry.flying.reset();
      if (newest) {
        entry.phase = Phase::unknown;
        entry.batch = entry.flying_batch;
        entry.due = now;
        if (++entry.doubts > 1) entry.phase = Phase::failed;
      }
      entry.flying_batch.clear();
    }
    if (entry.waiting()) waiting_.insert(key);
  }
  return {};
}

void Outbox::forget_old(WallTime now) {
  std::erase_if(entries_, [&](auto const& item) {
    auto const& entry = item.second;
    if (entry.waiting() || entry.flying) return false;
    auto const keep = resolved(entry.notice) ? options_.keep_done : options_.keep_open;
    return now - entry.changed > keep;
  });
}

Result<void> Outbox::rewrite() {
  forget_old(now_);
  writer_.reset();
  std::vector<std::string> records = {outbox_header()};
  for (auto const& [key, entry] : entries_) records.push_back(entry_record(entry));
  auto writer = alert::RecordWriter::create(options_.path, records);
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  // It grows again before it is worth another rewriting.
  options_.rewrite_bytes = std::max<std::uint64_t>(options_.rewrite_bytes, 2 * writer_->size());
  unwritten_.clear();
  return {};
}

Result<void> Outbox::sync() {
  Result<void> done;
  if (!writer_ || writer_->size() > options_.rewrite_bytes) {
    done = rewrite();
  } else if (!unwritten_.empty()) {
    for (auto const& key : unwritten_) {
      auto const entry = entries_.find(key);
      if (entry == entries_.end()) continue;
      done = writer_->append(entry_record(entry->second));
      if (!done) break;
    }
    if (done) done = writer_->sync();
    if (done)
      unwritten_.clear();
    else
      writer_.reset();  // its end is unknown: the next sync() writes all anew
  }
  if (!done) ++counters_.write_failures;
  return done;
}

void Outbox::changed(Key const& key, Entry& entry, WallTime now) {
  entry.changed = now;
  now_ = now;
  unwritten_.insert(key);
  if (entry.waiting())
    waiting_.insert(key);
  else
    waiting_.erase(key);
}

// Whether the newest notice needs a message at all, once nothing is on its way.
void Outbox::settle(Entry& entry) {
  if (!entry.waiting() || entry.flying || entry.phase == Phase::unknown) return;
  auto const now = told_by(entry.notice);
  bool const nothing_to_resolve = resolved(entry.notice) && !entry.told;
  bool const has_it =
      entry.told && entry.told->status == now.status && entry.told->level == now.level;
  if (!nothing_to_resolve && !has_it) return;
  entry.phase = Phase::skipped;
  ++counters_.skipped;
}

void Outbox::plan(alert::Transition const& notice, std::set<std::string> const& receivers,
                  WallTime now) {
  auto all = receivers;
  auto const& incident = notice.state.incident;
  for (auto it = entries_.lower_bound({incident, ""});
       it != entries_.end() && it->first.first == incident; ++it)
    if (resolved(notice)) all.insert(it->first.second);
  for (auto const& receiver : all) {
    Key const key(incident, receiver);
    auto found = entries_.find(key);
    if (found == entries_.end()) {
      if (resolved(notice)) continue;  // never heard of it
      Entry fresh;
      fresh.incident = incident;
      fresh.receiver = receiver;
      found = entries_.emplace(key, std::move(fresh)).first;
    } else if (notice.state.sequence <= found->second.notice.state.sequence) {
      continue;
    } else if (found->second.waiting() && !found->second.flying) {
      ++counters_.superseded;
    }
    auto& entry = found->second;
    // A receiver that is away stays at its back-off, whatever comes.
    if (entry.phase != Phase::retry) {
      entry.due = now;
      entry.attempts = 0;
      entry.phase = Phase::planned;
    }
    entry.notice = notice;
    entry.planned = now;
    entry.doubts = 0;
    entry.batch.clear();
    ++counters_.planned;
    settle(entry);
    changed(key, entry, now);
  }
}

std::optional<WallTime> Outbox::next_due(std::string_view kind) const {
  std::optional<WallTime> least;
  for (auto const& key : waiting_) {
    if (!covers(kind, key.second)) continue;
    auto const& entry = entries_.at(key);
    if (!entry.flying && (!least || entry.due < *least)) least = entry.due;
  }
  return least;
}

std::optional<WallTime> Outbox::oldest_waiting() const {
  std::optional<WallTime> oldest;
  for (auto const& key : waiting_) {
    auto const planned = entries_.at(key).planned;
    if (!oldest || planned < *oldest) oldest = planned;
  }
  return oldest;
}

bool covers(std::string_view kind, std::string_view receiver) {
  return kind.ends_with(':') ? receiver.starts_with(kind) : receiver == kind;
}

std::map<std::string, std::uint64_t> Outbox::give_up(
    std::function<bool(std::string const& receiver)> const& covered, WallTime now) {
  std::map<std::string, std::uint64_t> gone;
  for (auto const& key : std::set<Key>(waiting_)) {
    if (covered(key.second)) continue;
    auto& entry = entries_.at(key);
    if (entry.flying) continue;  // its outcome comes first
    ++gone[key.second];
    entry.phase = Phase::failed;
    entry.detail = "no such receiver any more";
    ++counters_.failed;
    changed(key, entry, now);
  }
  return gone;
}

std::optional<Batch> Outbox::take(std::string_view kind, WallTime now, bool digest) {
  Entry const* first = nullptr;
  for (auto const& key : waiting_) {
    if (!covers(kind, key.second)) continue;
    auto const& entry = entries_.at(key);
    if (entry.flying || entry.due > now) continue;
    if (first == nullptr || entry.planned < first->planned) first = &entry;
  }
  if (first == nullptr) return std::nullopt;
  Batch batch;
  batch.receiver = first->receiver;
  auto const rule = first->notice.rule;
  auto const app = app_of(first->notice);
  auto const again = first->batch;  // an unknown sending goes once more as it was
  std::vector<Key> keys;
  for (auto const& key : waiting_) {
    auto const& entry = entries_.at(key);
    if (key.second != batch.receiver || entry.flying || entry.due > now || entry.batch != again)
      continue;
    if (!digest && again.empty() && (entry.notice.rule != rule || app_of(entry.notice) != app))
      continue;
    keys.push_back(key);
    batch.notices.push_back(entry.notice);
    if (keys.size() >= options_.most_notices) break;
  }
  batch.id = again.empty() ? batch_id(batch.receiver, batch.notices) : again;
  for (auto const& key : keys) {
    auto& entry = entries_.at(key);
    entry.flying = told_by(entry.notice);
    entry.flying_batch = batch.id;
    ++entry.attempts;
    changed(key, entry, now);
  }
  return batch;
}

Nanoseconds Outbox::pause(Entry const& entry) const {
  auto pause = options_.first_retry;
  for (std::uint32_t i = 1; i < entry.attempts && pause < options_.longest_retry; ++i) pause *= 2;
  pause = std::min(pause, options_.longest_retry);
  // Up to a fifth more, so that not all come back at once; by hash, so that it can be tested.
  auto const hash = alert::fnv1a(entry.incident + entry.receiver, entry.attempts);
  return pause + pause / 5 * static_cast<std::int64_t>(hash % 1000) / 1000;
}

void Outbox::complete(Batch const& batch, curl::Outcome outcome, std::string const& detail,
                      WallTime now) {
  for (auto const& notice : batch.notices) {
    Key const key(notice.state.incident, batch.receiver);
    auto const found = entries_.find(key);
    if (found == entries_.end() || !found->second.flying) continue;
    auto& entry = found->second;
    bool const newest = entry.flying->sequence == entry.notice.state.sequence;
    if (outcome == curl::Outcome::sent || outcome == curl::Outcome::unknown)
      entry.told = entry.flying;
    entry.flying.reset();
    entry.flying_batch.clear();
    entry.detail = detail;
    switch (outcome) {
      case curl::Outcome::sent:
        ++counters_.sent;
        break;
      case curl::Outcome::retry:
        ++counters_.retried;
        break;
      case curl::Outcome::unknown:
        ++counters_.unknown;
        break;
      case curl::Outcome::permanent:
        ++counters_.failed;
        break;
    }
    if (newest) {
      entry.batch.clear();
      entry.due = now + pause(entry);
      switch (outcome) {
        case curl::Outcome::sent:
          entry.phase = Phase::sent;
          break;
        case curl::Outcome::permanent:
          entry.phase = Phase::failed;
          break;
        case curl::Outcome::retry:
          // A second try of an unknown sending stays one: what may have arrived still may have.
          entry.phase = entry.doubts > 0 ? Phase::unknown : Phase::retry;
          if (entry.doubts > 0) entry.batch = batch.id;
          break;
        case curl::Outcome::unknown:
          entry.phase = ++entry.doubts > 1 ? Phase::failed : Phase::unknown;
          entry.batch = batch.id;
          break;
      }
      if (entry.waiting() && now - entry.planned > options_.give_up) entry.phase = Phase::failed;
    } else {
      // Superseded on its way: the newer notice goes next, after the pause if the way is blocked.
      if (outcome == curl::Outcome::retry) {
        entry.phase = Phase::retry;
        entry.due = now + pause(entry);
      }
      settle(entry);
    }
    changed(key, entry, now);
  }
}

std::vector<Entry> Outbox::entries() const {
  std::vector<Entry> out;
  for (auto const& [key, entry] : entries_) out.push_back(entry);
  return out;
}

OutboxCounters Outbox::counters() const {
  auto counters = counters_;
  counters.waiting = waiting_.size();
  counters.entries = entries_.size();
  return counters;
}

}  // namespace dadvisor::aggregator::notify
