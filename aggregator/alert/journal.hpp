#pragma once
// The alert engine's memory on disk: every transition, and the whole state now and then. A
// transition is on disk before anybody is told of it (the caller delivers after write()).
//
// A directory of files alert-TICK.journal; each begins with a checkpoint (the whole state) and
// holds the ticks that follow it. The newest whole file is what a restart reads; the older ones
// are history, kept for a while. Byte layout in FORMAT.md. Not thread-safe.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/alert/record_file.hpp"
#include "aggregator/alert/state.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::alert {

using States = std::map<std::string, RuleState>;  // by the rule's id

struct JournalOptions {
  std::string directory;
  seconds checkpoint_every{3600};  // by data time
  std::uint64_t checkpoint_bytes = 16u << 20;
  seconds keep{30 * 86400};  // of older files
};

struct Recovered {
  std::optional<Tick> tick;  // the last one evaluated; nullopt: there is no journal
  States states;
  // Notices written since the checkpoint, in order: they may or may not have been handed on.
  std::vector<Transition> notices;
  bool torn = false;  // the newest file ends within a record: what was being written at the end
};

// What one record of each kind holds; for the journal and its tests.
std::string checkpoint_record(Tick tick, States const& states);
std::string tick_record(Tick tick, std::vector<Transition> const& transitions);
std::string undelivered_record(std::vector<Transition> const& notices);
// Applies one record; a checkpoint replaces all. Errc::malformed if it is none.
Result<void> apply_record(std::string_view record, Recovered& into);

class Journal {
 public:
  // Reads what is there; an unreadable newest file (a crash while it was made) gives way to the
  // one before it. Errors: the directory cannot be made or listed, all files are unreadable.
  static Result<Recovered> recover(std::string const& directory, Log const& log);

  Journal(JournalOptions options, Log log) : options_(std::move(options)), log_(std::move(log)) {}
  // Writes that all up to `tick` was evaluated with these transitions, synced if there are any.
  // Begins a new file where there is none, after an error, or when the old one is due: with
  // `after` (the state with the transitions in it) as its checkpoint, and `undelivered`, the
  // notices of older files that nobody has taken yet.
  Result<void> write(Tick tick, std::vector<Transition> const& transitions, States const& after,
                     std::vector<Transition> const& undelivered);

 private:
  void remove_old(Tick now);

  JournalOptions options_;
  Log log_;
  std::optional<RecordWriter> writer_;
  Tick begun_{};
};

}  // namespace dadvisor::aggregator::alert
