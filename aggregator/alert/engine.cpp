#include "aggregator/alert/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "aggregator/alert/evaluate.hpp"
#include "aggregator/alert/held_source.hpp"
#include "graphite-bridge/evaluate.hpp"

namespace dadvisor::aggregator::alert {

std::vector<Transition> fold(std::vector<Transition> notices, std::uint64_t& folded) {
  std::set<std::string> seen;
  std::vector<Transition> out;
  for (auto it = notices.rbegin(); it != notices.rend(); ++it) {
    if (seen.insert(it->state.incident).second)
      out.push_back(std::move(*it));
    else
      ++folded;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

namespace {

// An instance's end because its rule is gone, or now looks elsewhere.
Transition removed(std::string const& rule, std::string const& instance, InstanceState state,
                   Tick tick) {
  Transition transition;
  transition.rule = rule;
  transition.instance = instance;
  transition.tick = tick;
  transition.from = state.status;
  transition.from_level = state.level;
  transition.reason = Reason::rule_removed;
  transition.notice = state.open();
  if (transition.notice) ++state.sequence;
  state.status = transition.notice ? Status::resolved : Status::ok;
  state.level = Level::none;
  state.since = tick;
  transition.state = std::move(state);
  return transition;
}

}  // namespace

AlertEngine::AlertEngine(AlertOptions options, std::vector<Rule> rules, AlertSeams seams,
                         Clock const& clock, Log log)
    : options_(std::move(options)),
      rules_(std::move(rules)),
      seams_(std::move(seams)),
      clock_(clock),
      log_(std::move(log)),
      journal_({options_.directory, options_.checkpoint_every, options_.checkpoint_bytes,
                options_.keep_journal},
               log_) {}

Result<std::unique_ptr<AlertEngine>> AlertEngine::open(AlertOptions options,
                                                       std::vector<Rule> rules, AlertSeams seams,
                                                       Clock const& clock, Log log) {
  auto recovered = Journal::recover(options.directory, log);
  if (!recovered) return recovered.error();
  std::unique_ptr<AlertEngine> engine(new AlertEngine(std::move(options), std::move(rules),
                                                      std::move(seams), clock, std::move(log)));
  engine->last_ = recovered->tick;
  engine->states_ = std::move(recovered->states);
  engine->undelivered_ = std::move(recovered->notices);
  // Between checkpoints the journal does not follow last_data; and while nobody watched, silence
  // proves nothing. So the no-data clocks go on from the last tick that was evaluated.
  if (engine->last_)
    for (auto& [rule, instances] : engine->states_)
      for (auto& [name, state] : instances)
        if (state.status != Status::nodata)
          state.last_data = std::max(state.last_data, *engine->last_);
  engine->publish();
  if (auto done = engine->hand_on(); !done)
    engine->log_.error("alert notices wait: {}", to_string(done.error()));
  return engine;
}

void AlertEngine::replace_rules(std::vector<Rule> rules) {
  for (auto const& now : rules)
    for (auto const& before : rules_)
      if (now.id == before.id && now.expr.target() != before.expr.target())
        retargeted_.insert(now.id);
  rules_ = std::move(rules);
}

Result<void> AlertEngine::on_ready(Tick tick) {
  tick -= tick.time_since_epoch() % options_.step;
  if (!last_ || tick > *last_) {
    auto const begin = clock_.monotonic();
    auto const step = options_.step;
    Tick next = last_ ? *last_ - last_->time_since_epoch() % step + step : tick;
    std::uint64_t skipped = 0;
    if (tick - next > options_.catch_up) {
      Tick const first = tick - options_.catch_up;
      skipped = static_cast<std::uint64_t>((first - next) / options_.step);
      log_.warning("{} ticks before {} are too old and not evaluated", skipped,
                   first.time_since_epoch().count());
      next += seconds(static_cast<std::int64_t>(skipped) * options_.step.count());
    }
    std::uint64_t ticks = 0;
    for (; next <= tick; next += options_.step, ++ticks) evaluate_tick(next, unwritten_);
    last_ = tick;
    std::lock_guard const lock(mutex_);
    counters_.ticks += ticks;
    counters_.skipped_ticks += skipped;
    counters_.evaluating += clock_.monotonic() - begin;
  }
  publish();
  if (auto done = journal_.write(*last_, unwritten_, states_, undelivered_); !done) {
    std::lock_guard const lock(mutex_);
    ++counters_.journal_failures;
    return done.error().within("alert journal");
  }
  std::uint64_t notices = 0;
  for (auto& transition : unwritten_) {
    if (!transition.notice) continue;
    ++notices;
    log_.info("{} {} {}: {} -> {}{}{}, value {}", transition.state.incident, transition.rule,
              transition.instance, to_string(transition.from), to_string(transition.state.status),
              transition.state.level == Level::none ? "" : " ", to_string(transition.state.level),
              transition.state.value ? fmt::format("{:.6g}", *transition.state.value) : "absent");
    undelivered_.push_back(std::move(transition));
  }
  {
    std::lock_guard const lock(mutex_);
    counters_.transitions += unwritten_.size();
    counters_.notices += notices;
  }
  unwritten_.clear();
  return hand_on();
}

Result<void> AlertEngine::hand_on() {
  if (undelivered_.empty() || !seams_.deliver) {
    undelivered_.clear();
    return {};
  }
  std::uint64_t folded = 0;
  undelivered_ = fold(std::move(undelivered_), folded);
  auto done = seams_.deliver(undelivered_);
  if (done) undelivered_.clear();
  std::lock_guard const lock(mutex_);
  counters_.folded_notices += folded;
  if (!done) ++counters_.deliver_failures;
  return done;
}

void AlertEngine::evaluate_tick(Tick tick, std::vector<Transition>& out) {
  drop_removed_rules(tick, out);
  bool const behind = seams_.ingest_behind && seams_.ingest_behind(tick);
  for (auto const& rule : rules_) evaluate_rule(rule, tick, behind, out);
}

void AlertEngine::drop_removed_rules(Tick tick, std::vector<Transition>& out) {
  for (auto it = states_.begin(); it != states_.end();) {
    bool const there = std::any_of(rules_.begin(), rules_.end(),
                                   [&](Rule const& rule) { return rule.id == it->first; });
    if (there) {
      ++it;
      continue;
    }
    for (auto& [instance, state] : it->second)
      out.push_back(removed(it->first, instance, std::move(state), tick));
    it = states_.erase(it);
  }
}

void AlertEngine::drop_other_instances(Rule const& rule,
                                       std::vector<graphite::Series> const& series, Tick tick,
                                       std::vector<Transition>& out) {
  if (retargeted_.erase(rule.id) == 0) return;
  std::set<std::string> names;
  for (auto const& one : series) names.insert(one.name);
  std::erase_if(states_[rule.id], [&](auto& entry) {
    if (names.contains(entry.first)) return false;
    out.push_back(removed(rule.id, entry.first, std::move(entry.second), tick));
    return true;
  });
}

void AlertEngine::evaluate_rule(Rule const& rule, Tick tick, bool behind,
                                std::vector<Transition>& out) {
  HeldSource const source(*seams_.source, options_.held_steps, options_.step.count());
  auto const now = tick.time_since_epoch().count();
  auto const window =
      std::max(rule.reduce.window, options_.step) +
      seconds(options_.step.count() * static_cast<std::int64_t>(options_.held_steps));
  graphite::QueryBudget budget(options_.limits, clock_);
  auto series =
      graphite::evaluate(rule.expr, {now - window.count(), now, now, {}, &budget}, source);
  {
    std::lock_guard const lock(mutex_);
    ++counters_.evaluations;
    if (!series) ++counters_.evaluation_errors;
  }
  if (series) {
    if (failing_.erase(rule.id) > 0) log_.info("rule {} can be evaluated again", rule.id);
  } else if (auto const text = to_string(series.error()); failing_[rule.id] != text) {
    failing_[rule.id] = text;
    log_.warning("rule {} ({}:{}) cannot be evaluated: {}", rule.id, rule.file, rule.line, text);
  }
  EvaluationContext context;
  context.tick = tick;
  context.step = options_.step;
  context.forget_after = options_.forget_after;
  context.hold_no_data = behind || !series;  // a failed read is not missing data
  context.gone = seams_.gone;
  std::vector<graphite::Series> const none;
  if (series) drop_other_instances(rule, *series, tick, out);
  auto& states = states_[rule.id];
  auto result = evaluate(rule, series ? *series : none, std::move(states), context);
  states = std::move(result.state);
  if (result.transitions.empty()) return;

  auto const fetched = source.fetched();
  for (auto& transition : result.transitions) {
    if (transition.notice) {
      LabelMap labels;
      if (series) {
        auto const found = std::find_if(
            series->begin(), series->end(),
            [&](graphite::Series const& one) { return one.name == transition.instance; });
        if (found != series->end()) labels = subject_of(*found, fetched, seams_.labels_of);
      }
      describe(rule, transition, std::move(labels));
      auto const state = states.find(transition.instance);
      if (state != states.end()) {
        state->second.labels = transition.state.labels;
        state->second.title = transition.state.title;
      }
    }
    out.push_back(std::move(transition));
  }
}

void AlertEngine::describe(Rule const& rule, Transition& transition, LabelMap labels) {
  auto& state = transition.state;
  if (labels.empty()) labels = state.labels;
  if (labels.empty() && seams_.labels_of)
    labels = seams_.labels_of(state.path.empty() ? transition.instance : state.path);
  for (auto const& [name, value] : rule.labels) labels[name] = value;
  LabelMap values = labels;
  values["series"] = transition.instance;
  // For people: four digits that count, no exponent.
  values["value"] = !state.value                    ? "absent"
                    : std::abs(*state.value) < 1000 ? fmt::format("{:.4g}", *state.value)
                                                    : fmt::format("{:.0f}", *state.value);
  values["level"] = to_string(state.level != Level::none ? state.level : transition.from_level);
  state.labels = std::move(labels);
  state.title = render_title(rule.title, values);
}

void AlertEngine::publish() {
  std::vector<InstanceView> views;
  std::uint64_t instances = 0, firing = 0, pending = 0, nodata = 0;
  for (auto const& [rule, states] : states_) {
    instances += states.size();
    for (auto const& [name, state] : states) {
      if (state.status == Status::ok) continue;
      firing += state.status == Status::firing;
      pending += state.status == Status::pending;
      nodata += state.status == Status::nodata;
      views.push_back({rule, name, state});
    }
  }
  std::lock_guard const lock(mutex_);
  views_ = std::move(views);
  counters_.rules = rules_.size();
  counters_.instances = instances;
  counters_.firing = firing;
  counters_.pending = pending;
  counters_.nodata = nodata;
  counters_.last_tick = last_.value_or(Tick{});
}

std::vector<InstanceView> AlertEngine::instances() const {
  std::lock_guard const lock(mutex_);
  return views_;
}

AlertCounters AlertEngine::counters() const {
  std::lock_guard const lock(mutex_);
  return counters_;
}

}  // namespace dadvisor::aggregator::alert
