#pragma once
// What is still to be told to whom, on disk: one entry for each (incident, receiver).
//
// At least once: a notice counts as sent when the receiver has said so and that is on disk. Within
// an entry a newer notice replaces an unsent older one, so nobody hears "firing" after "resolved";
// a resolution goes only to whoever heard, or may have heard, of the incident, and to those
// always, also over restarts. A message whose outcome is unknown is sent once more under the same
// id. The idempotency key is (incident, sequence, receiver): planning a notice again is nothing.
//
// No threads and no network in here; not thread-safe (the Notifier guards it). Byte layout in
// aggregator/alert/FORMAT.md.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/alert/record_file.hpp"
#include "aggregator/alert/state.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/curl/smtp.hpp"

namespace dadvisor::aggregator::notify {

enum class Phase : std::uint8_t {
  planned,  // to be sent
  retry,    // was refused or did not get through; again when due
  unknown,  // may have arrived; once more when due
  sent,     //
  failed,   // refused for good, or given up
  skipped,  // needs no message: a newer notice, or nothing to resolve
};

// A notice that a receiver has, or may have.
struct Told {
  std::uint64_t sequence = 0;
  alert::Status status = alert::Status::ok;
  alert::Level level = alert::Level::none;
  bool operator==(Told const&) const = default;
};

struct Entry {
  std::string incident;
  std::string receiver;      // "email:ADDRESS", "webhook:NAME"
  alert::Transition notice;  // the newest
  Phase phase = Phase::planned;
  WallTime planned{};  // of this notice
  WallTime changed{};
  WallTime due{};
  std::uint32_t attempts = 0;
  std::uint32_t doubts = 0;    // sendings of this notice with an unknown outcome
  std::string batch;           // of an unknown sending
  std::optional<Told> flying;  // on its way now
  std::string flying_batch;
  std::optional<Told> told;
  std::string detail;  // the last failure, for a person

  bool waiting() const {
    return phase == Phase::planned || phase == Phase::retry || phase == Phase::unknown;
  }
  bool operator==(Entry const&) const = default;
};

// One message for one receiver: notices of one rule and app, or of several (a digest).
struct Batch {
  std::string id;  // 32 hex digits, the same for the same notices and receiver
  std::string receiver;
  std::vector<alert::Transition> notices;
};

struct OutboxOptions {
  std::string path;
  Nanoseconds first_retry = std::chrono::seconds(5);
  Nanoseconds longest_retry = std::chrono::minutes(10);
  Nanoseconds give_up = std::chrono::hours(24);
  Nanoseconds keep_done = std::chrono::hours(48);       // entries of ended incidents
  Nanoseconds keep_open = std::chrono::hours(24 * 60);  // entries nothing has changed of
  std::size_t most_notices = 100;                       // in one message
  std::uint64_t rewrite_bytes = 8u << 20;
};

struct OutboxCounters {
  std::uint64_t planned = 0, superseded = 0, skipped = 0, sent = 0, retried = 0, unknown = 0,
                failed = 0, write_failures = 0;
  std::uint64_t waiting = 0, entries = 0;  // gauges
};

// Whether a receiver's key is `kind`, or begins with it where that ends with a colon.
bool covers(std::string_view kind, std::string_view receiver);

class Outbox {
 public:
  // Reads the file if there is one and writes it anew. What was on its way becomes unknown.
  static Result<Outbox> open(OutboxOptions options, WallTime now, Log const& log);

  // Plans `notice` for `receivers`; a resolution for all who heard of its incident, whoever they
  // are. Then sync(): only then is it taken.
  void plan(alert::Transition const& notice, std::set<std::string> const& receivers, WallTime now);
  // All changes since the last sync() on disk. After an error they stay to be written.
  Result<void> sync();

  // The next message for a receiver that `kind` covers, marked as on its way; nullopt if none is
  // due. As a digest it tells of all that is due for that receiver, whatever the rule and app.
  std::optional<Batch> take(std::string_view kind, WallTime now, bool digest = false);
  std::optional<WallTime> next_due(std::string_view kind) const;
  std::optional<WallTime> oldest_waiting() const;  // when it was planned
  // What became of it; by what follows sync() is called.
  void complete(Batch const& batch, curl::Outcome outcome, std::string const& detail, WallTime now);

  // What waits for receivers that `covered` refuses is failed: nobody would ever take it. How many
  // notices that were, by receiver.
  std::map<std::string, std::uint64_t> give_up(
      std::function<bool(std::string const& receiver)> const& covered, WallTime now);

  std::vector<Entry> entries() const;  // by incident and receiver
  OutboxCounters counters() const;

 private:
  using Key = std::pair<std::string, std::string>;  // incident, receiver
  explicit Outbox(OutboxOptions options) : options_(std::move(options)) {}
  Result<void> load(WallTime now, Log const& log);
  Result<void> rewrite();
  void forget_old(WallTime now);
  void changed(Key const& key, Entry& entry, WallTime now);
  void settle(Entry& entry);
  Nanoseconds pause(Entry const& entry) const;

  OutboxOptions options_;
  std::map<Key, Entry> entries_;
  std::set<Key> waiting_;
  std::set<Key> unwritten_;
  std::optional<alert::RecordWriter> writer_;
  WallTime now_{};  // of the last change: rewriting drops by it
  OutboxCounters counters_;
};

}  // namespace dadvisor::aggregator::notify
