#pragma once
// One tick of one rule: series and the state before -> the state after and what changed. Pure and
// deterministic, so live evaluation, replay after a restart and a test of history are one thing.
// All clocks run by the data's time (the tick), never by the wall.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/alert/rule.hpp"
#include "aggregator/alert/state.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::alert {

struct EvaluationContext {
  Tick tick{};
  seconds step{10};             // between ticks
  seconds forget_after{86400};  // an instance without data for so long is forgotten
  // Ingest as a whole is behind: what is missing is not news. No-data clocks stand still.
  bool hold_no_data = false;
  // Whether what a path measured has ended as of a tick (asked for instances without data alone):
  // then an open incident is RESOLVED (gone) and the instance forgotten. Empty: never.
  std::function<bool(std::string const& path, Tick)> gone;
};

struct Evaluation {
  RuleState state;
  std::vector<Transition> transitions;  // by instance
};

// `series` is the target evaluated over at least (tick - reduce.window, tick]. Two series of one
// name are told apart by " (2)", " (3)" behind it, in their order. Labels and title of a
// transition are those of the state before; the caller, who knows owners, fills them in.
Evaluation evaluate(Rule const& rule, std::vector<graphite::Series> const& series, RuleState state,
                    EvaluationContext const& context);

// What a rule sees of one series at a tick.
struct Reading {
  std::optional<double> value;    // reduced; absent if nothing in the window has a value
  std::optional<Tick> last_data;  // the newest tick with a value, in all of the series
};
Reading read(Reduction const& reduction, graphite::Series const& series, Tick tick, seconds step);

}  // namespace dadvisor::aggregator::alert
