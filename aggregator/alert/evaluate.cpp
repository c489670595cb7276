#include "aggregator/alert/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/alert/incident_id.hpp"

namespace dadvisor::aggregator::alert {

namespace {

// One instance's step through the state machine.
class Machine {
 public:
  Machine(Rule const& rule, EvaluationContext const& context, std::string const& instance,
          InstanceState& state, std::vector<Transition>& out)
      : rule_(rule),
        context_(context),
        instance_(instance),
        state_(state),
        before_{state.status, state.level, state.crit_since, state.warn_since},
        out_(out) {}

  // Returns false when the instance is to be forgotten.
  bool advance(std::optional<double> value) {
    bool const keep = value ? with_value(*value) : without_value();
    record();
    return keep;
  }

 private:
  // What a change is measured against; a whole InstanceState would copy its labels at each tick.
  struct Before {
    Status status;
    Level level;
    std::optional<Tick> crit_since;
    std::optional<Tick> warn_since;
  };

  Tick tick() const { return context_.tick; }

  bool with_value(double value) {
    state_.value = value;
    follow(state_.crit_since, rule_.crit, value);
    follow(state_.warn_since, rule_.warn, value);
    Level const target = target_level(value);
    if (target != Level::none) {
      if (state_.status == Status::firing && state_.level == target) return true;
      if (!state_.open()) open(began(target));
      state_.level = target;
      announce(Status::firing);
    } else if (state_.open()) {
      announce(Status::resolved);
      reason_ = Reason::cleared;
      state_.level = Level::none;
    } else {
      bool const pending = state_.crit_since || state_.warn_since;
      state_.level = state_.crit_since ? Level::crit : pending ? Level::warn : Level::none;
      enter(pending ? Status::pending : Status::ok);
    }
    return true;
  }

  bool without_value() {
    if (context_.hold_no_data) {
      state_.last_data += context_.step;
      return true;
    }
    if (context_.gone && context_.gone(state_.path.empty() ? instance_ : state_.path, tick())) {
      end(Reason::gone);
      return false;
    }
    auto const absent = tick() - state_.last_data;
    if (absent >= context_.forget_after && absent >= rule_.no_data.after) {
      end(Reason::expired);
      return false;
    }
    if (absent < rule_.no_data.after) return true;
    // What held before the hole proves nothing about after it.
    state_.crit_since.reset();
    state_.warn_since.reset();
    if (!rule_.no_data.notify) {
      if (state_.status == Status::pending) {
        state_.level = Level::none;
        enter(Status::ok);
      }
      return true;
    }
    if (state_.status == Status::nodata) return true;
    if (!state_.open()) {
      open(state_.last_data);
      state_.level = Level::none;
    }
    announce(Status::nodata);
    return true;
  }

  static void follow(std::optional<Tick>& since, std::optional<Threshold> const& threshold,
                     double value, Tick tick) {
    if (!threshold || !threshold->when.holds(value))
      since.reset();
    else if (!since)
      since = tick;
  }
  void follow(std::optional<Tick>& since, std::optional<Threshold> const& threshold,
              double value) const {
    follow(since, threshold, value, tick());
  }

  bool met(std::optional<Tick> const& since, std::optional<Threshold> const& threshold) const {
    return since && threshold && tick() - *since >= threshold->hold;
  }

  // Up at once when a severity's `for` has passed; down only through its `clear`.
  Level target_level(double value) const {
    Level const current = state_.open() ? state_.level : Level::none;
    if (met(state_.crit_since, rule_.crit)) return Level::crit;
    if (current == Level::crit && rule_.crit && !rule_.crit->cleared(value)) return Level::crit;
    if (current != Level::none && rule_.warn && !rule_.warn->cleared(value)) return Level::warn;
    if (met(state_.warn_since, rule_.warn)) return Level::warn;
    return Level::none;
  }

  Tick began(Level level) const {
    Tick earliest = (level == Level::crit ? state_.crit_since : state_.warn_since).value_or(tick());
    if (state_.warn_since) earliest = std::min(earliest, *state_.warn_since);
    return earliest;
  }

  void open(Tick began) {
    state_.incident = incident_id(rule_.id, instance_, tick());
    state_.sequence = 0;
    state_.opened = tick();
    state_.began = began;
  }

  void enter(Status status) {
    if (state_.status == status) return;
    state_.status = status;
    state_.since = tick();
  }

  void announce(Status status) {
    enter(status);
    ++state_.sequence;
    notice_ = true;
  }

  void end(Reason reason) {
    if (!state_.open()) {
      enter(Status::ok);
      forgotten_ = true;
    } else {
      announce(Status::resolved);
    }
    state_.level = Level::none;
    reason_ = reason;
  }

  std::string condition() const {
    Level const level = state_.level != Level::none ? state_.level : before_.level;
    if (level == Level::crit && rule_.crit) return to_string(*rule_.crit);
    if (level == Level::warn && rule_.warn) return to_string(*rule_.warn);
    return {};
  }

  void record() {
    // RESOLVED -> OK is only time passing: replay makes it again by itself.
    auto const settled = [](Status s) { return s == Status::resolved ? Status::ok : s; };
    bool const changed = notice_ || forgotten_ ||
                         settled(before_.status) != settled(state_.status) ||
                         before_.level != state_.level || before_.crit_since != state_.crit_since ||
                         before_.warn_since != state_.warn_since;
    if (!changed) return;
    out_.push_back(Transition{rule_.id, instance_, tick(), before_.status, before_.level, state_,
                              reason_, notice_, condition(), rule_.expr.target(), rule_.notify});
  }

  Rule const& rule_;
  EvaluationContext const& context_;
  std::string const& instance_;
  InstanceState& state_;
  Before const before_;
  std::vector<Transition>& out_;
  Reason reason_ = Reason::none;
  bool notice_ = false;
  bool forgotten_ = false;
};

double reduce(Reduction::Kind kind, std::vector<double> const& values) {
  switch (kind) {
    case Reduction::Kind::last:
      return values.back();
    case Reduction::Kind::maximum:
      return *std::max_element(values.begin(), values.end());
    case Reduction::Kind::minimum:
      return *std::min_element(values.begin(), values.end());
    case Reduction::Kind::sum:
    case Reduction::Kind::average:
      break;
  }
  double sum = 0;
  for (double const value : values) sum += value;
  return kind == Reduction::Kind::sum ? sum : sum / static_cast<double>(values.size());
}

}  // namespace

Reading read(Reduction const& reduction, graphite::Series const& series, Tick tick, seconds step) {
  Reading reading;
  auto const now = tick.time_since_epoch().count();
  // A value belongs to [its time, its time + series.step): the one that covers the tick is the
  // newest, also where the series is coarser than the ticks.
  auto const covered = std::max<std::int64_t>(series.step - step.count(), 0);
  auto const window = std::max<std::int64_t>(reduction.window.count(), step.count());
  std::vector<double> values;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    auto const time = series.start + static_cast<std::int64_t>(i) * series.step;
    if (time > now) break;
    if (graphite::is_absent(series.values[i])) continue;
    auto const until = std::min(now, time + covered);
    reading.last_data = Tick(seconds(until));
    if (until > now - window) values.push_back(series.values[i]);
  }
  if (!values.empty()) reading.value = reduce(reduction.kind, values);
  return reading;
}

Evaluation evaluate(Rule const& rule, std::vector<graphite::Series> const& series, RuleState state,
                    EvaluationContext const& context) {
  std::map<std::string, std::optional<double>> values;
  for (auto const& one : series) {
    std::string name = one.name;
    for (int n = 2; values.contains(name); ++n) name = fmt::format("{} ({})", one.name, n);
    auto const reading = read(rule.reduce, one, context.tick, context.step);
    auto known = state.find(name);
    if (!reading.last_data && known == state.end()) {
      values.emplace(name, std::nullopt);  // takes the name, becomes no instance
      continue;
    }
    if (known == state.end()) {
      known = state.emplace(name, InstanceState{}).first;
      known->second.since = context.tick;
      auto const path = one.tags.find("name");
      if (path != one.tags.end() && path->second != name) known->second.path = path->second;
    }
    auto& instance = known->second;
    if (reading.last_data) instance.last_data = std::max(instance.last_data, *reading.last_data);
    bool const fresh = context.tick - instance.last_data < rule.no_data.after;
    values.emplace(name, fresh ? reading.value : std::nullopt);
  }
  Evaluation result;
  for (auto it = state.begin(); it != state.end();) {
    auto const value = values.find(it->first);
    Machine machine(rule, context, it->first, it->second, result.transitions);
    bool const keep = machine.advance(value == values.end() ? std::nullopt : value->second);
    it = keep ? std::next(it) : state.erase(it);
  }
  result.state = std::move(state);
  return result;
}

}  // namespace dadvisor::aggregator::alert
