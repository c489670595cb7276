#pragma once
// The alert engine: evaluates every rule at every ready tick, in order, keeps what it knows over
// a restart, and hands notices on only after they are in the journal.
//
// Threads: on_ready(), replace_rules() and the constructor on one thread (the engine's), which may
// block for the time of a journal sync and of the deliver seam; instances() and counters() from
// any. Nothing here waits for a mail: deliver only plans (see notify/).
//
// After open(): main waits until every stream known before has spoken, or 30 s, then calls
// on_ready(newest). The engine evaluates the ticks missed, in order; of each incident only the
// newest notice of that run is handed on, so that states already left are not told.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "aggregator/alert/journal.hpp"
#include "aggregator/alert/rule.hpp"
#include "aggregator/alert/state.hpp"
#include "aggregator/alert/subject.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::alert {

struct AlertOptions {
  std::string directory;  // of the journal
  seconds step{10};       // between ticks
  std::size_t held_steps = 2;
  seconds catch_up{3600};       // missed ticks older than this are skipped and counted
  seconds forget_after{86400};  // an instance without data for so long
  seconds checkpoint_every{3600};
  std::uint64_t checkpoint_bytes = 16u << 20;
  seconds keep_journal{30 * 86400};
  graphite::QueryLimits limits;  // of one rule at one tick: beyond, its evaluation failed
};

// What the engine needs of others. All are called on the engine's thread.
struct AlertSeams {
  graphite::SeriesSource const* source = nullptr;  // must outlive the engine
  LabelsOf labels_of;
  // Takes notices for good (the outbox has them on disk) or fails: then they come again, in
  // order, before the next ones. The same notice may come twice (after a crash).
  std::function<Result<void>(std::vector<Transition> const&)> deliver;
  // Optional: whether what a path measured has ended, as of a tick (its agent says so by listing
  // it no longer), as against silence of which nobody knows the reason.
  std::function<bool(std::string const& path, Tick)> gone;
  // Optional: whether ingest as a whole is behind at this tick; no-data clocks then stand still.
  std::function<bool(Tick)> ingest_behind;
};

struct AlertCounters {
  std::uint64_t evaluations = 0;        // of one rule at one tick
  std::uint64_t evaluation_errors = 0;  // the target could not be evaluated
  std::uint64_t ticks = 0, skipped_ticks = 0;
  std::uint64_t transitions = 0, notices = 0, folded_notices = 0;
  std::uint64_t journal_failures = 0, deliver_failures = 0;
  std::uint64_t rules = 0, instances = 0, firing = 0, pending = 0, nodata = 0;  // gauges
  Nanoseconds evaluating{};  // spent in evaluation, all in all
  Tick last_tick{};
};

struct InstanceView {
  std::string rule;
  std::string instance;
  InstanceState state;
};

class AlertEngine {
 public:
  // Recovers from the journal and hands on what may not have been. Clock: for durations alone.
  static Result<std::unique_ptr<AlertEngine>> open(AlertOptions options, std::vector<Rule> rules,
                                                   AlertSeams seams, Clock const& clock, Log log);

  // Evaluates up to `tick` (a multiple of step; an old one is ignored). An error tells that the
  // journal or deliver failed; nothing is lost, the next call goes on with it.
  Result<void> on_ready(Tick tick);
  // The rules of a reload. Instances of a rule that is gone are RESOLVED at the next tick, and so
  // are those that a changed target no longer has: they are no missing data.
  void replace_rules(std::vector<Rule> rules);

  // Instances that are not OK, by rule and instance.
  std::vector<InstanceView> instances() const;
  AlertCounters counters() const;

 private:
  AlertEngine(AlertOptions options, std::vector<Rule> rules, AlertSeams seams, Clock const& clock,
              Log log);
  void evaluate_tick(Tick tick, std::vector<Transition>& out);
  void evaluate_rule(Rule const& rule, Tick tick, bool behind, std::vector<Transition>& out);
  void drop_removed_rules(Tick tick, std::vector<Transition>& out);
  void drop_other_instances(Rule const& rule, std::vector<graphite::Series> const& series,
                            Tick tick, std::vector<Transition>& out);
  void describe(Rule const& rule, Transition& transition, LabelMap labels);
  Result<void> hand_on();
  void publish();

  AlertOptions const options_;
  std::vector<Rule> rules_;
  AlertSeams const seams_;
  Clock const& clock_;
  Log const log_;
  Journal journal_;
  std::optional<Tick> last_;
  States states_;
  std::set<std::string> retargeted_;            // rules whose target a reload has changed
  std::vector<Transition> unwritten_;           // evaluated, not in the journal yet
  std::vector<Transition> undelivered_;         // in the journal, not taken yet
  std::map<std::string, std::string> failing_;  // rule -> its last error, to log each once

  mutable std::mutex mutex_;  // guards what follows
  std::vector<InstanceView> views_;
  AlertCounters counters_;
};

// Of each incident only the newest notice, in the order of those; how many were left out is
// added to `folded`.
std::vector<Transition> fold(std::vector<Transition> notices, std::uint64_t& folded);

}  // namespace dadvisor::aggregator::alert
