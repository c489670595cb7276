#include "aggregator/alert/state_json.hpp"

#include <cmath>

namespace dadvisor::aggregator::alert {

namespace {

namespace json = boost::json;

std::int64_t unix_of(Tick tick) { return tick.time_since_epoch().count(); }

void put_text(json::object& out, char const* key, std::string const& text) {
  if (!text.empty()) out[key] = text;
}

// Reads keys of one object; the first slip is kept and makes the whole malformed.
class Keys {
 public:
  explicit Keys(json::value const& value) : object_(value.if_object()) {
    if (object_ == nullptr) fail("not an object");
  }
  bool good() const { return failed_.empty(); }
  Error error() const { return Error{Errc::malformed, 0, failed_}; }

  json::value const* find(char const* key) const {
    return object_ == nullptr ? nullptr : object_->if_contains(key);
  }
  std::string text(char const* key) {
    auto const* value = find(key);
    if (value == nullptr) return {};
    if (auto const* string = value->if_string()) return std::string(*string);
    fail(key);
    return {};
  }
  std::optional<std::int64_t> integer(char const* key) {
    auto const* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (auto const* number = value->if_int64()) return *number;
    fail(key);
    return std::nullopt;
  }
  std::optional<Tick> tick(char const* key) {
    auto const at = integer(key);
    return at ? std::optional(Tick(seconds(*at))) : std::nullopt;
  }
  Tick required_tick(char const* key) {
    auto const at = tick(key);
    if (!at) fail(key);
    return at.value_or(Tick{});
  }
  std::optional<double> real(char const* key) {
    auto const* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_number()) return value->to_number<double>();
    fail(key);
    return std::nullopt;
  }
  template <typename Parse>
  auto word(char const* key, Parse parse) {
    auto const found = parse(text(key));
    if (!found) fail(key);
    return found;
  }
  LabelMap labels(char const* key) {
    LabelMap out;
    auto const* value = find(key);
    if (value == nullptr) return out;
    auto const* object = value->if_object();
    if (object == nullptr) {
      fail(key);
      return out;
    }
    for (auto const& [name, label] : *object) {
      if (auto const* string = label.if_string())
        out.emplace(std::string(name), std::string(*string));
      else
        fail(key);
    }
    return out;
  }
  void fail(char const* what) {
    if (failed_.empty()) failed_ = std::string("record: ") + what;
  }

 private:
  json::object const* object_;
  std::string failed_;
};

}  // namespace

json::object to_json(InstanceState const& state) {
  json::object out;
  out["status"] = to_string(state.status);
  if (state.level != Level::none) out["level"] = to_string(state.level);
  out["since"] = unix_of(state.since);
  if (state.crit_since) out["crit_since"] = unix_of(*state.crit_since);
  if (state.warn_since) out["warn_since"] = unix_of(*state.warn_since);
  out["last_data"] = unix_of(state.last_data);
  // JSON has no infinity; a value that is one is left out.
  if (state.value && std::isfinite(*state.value)) out["value"] = *state.value;
  put_text(out, "path", state.path);
  if (state.incident.empty()) return out;
  out["incident"] = state.incident;
  out["sequence"] = static_cast<std::int64_t>(state.sequence);
  out["opened"] = unix_of(state.opened);
  out["began"] = unix_of(state.began);
  put_text(out, "title", state.title);
  if (!state.labels.empty()) {
    json::object labels;
    for (auto const& [name, value] : state.labels) labels[name] = value;
    out["labels"] = std::move(labels);
  }
  return out;
}

json::object to_json(Transition const& transition) {
  json::object out;
  out["rule"] = transition.rule;
  out["instance"] = transition.instance;
  out["tick"] = unix_of(transition.tick);
  out["from"] = to_string(transition.from);
  if (transition.from_level != Level::none) out["from_level"] = to_string(transition.from_level);
  out["state"] = to_json(transition.state);
  put_text(out, "reason", to_string(transition.reason));
  out["notice"] = transition.notice;
  put_text(out, "condition", transition.condition);
  put_text(out, "expr", transition.expr);
  json::array notify;
  for (auto const& name : transition.notify) notify.emplace_back(name);
  out["notify"] = std::move(notify);
  return out;
}

Result<InstanceState> state_from_json(json::value const& value) {
  Keys keys(value);
  InstanceState state;
  if (auto const status = keys.word("status", status_of)) state.status = *status;
  if (auto const level = keys.word("level", level_of)) state.level = *level;
  state.since = keys.required_tick("since");
  state.crit_since = keys.tick("crit_since");
  state.warn_since = keys.tick("warn_since");
  state.last_data = keys.required_tick("last_data");
  state.value = keys.real("value");
  state.path = keys.text("path");
  state.incident = keys.text("incident");
  state.sequence = static_cast<std::uint64_t>(keys.integer("sequence").value_or(0));
  state.opened = keys.tick("opened").value_or(Tick{});
  state.began = keys.tick("began").value_or(Tick{});
  state.title = keys.text("title");
  state.labels = keys.labels("labels");
  if (!keys.good()) return keys.error();
  return state;
}

Result<Transition> transition_from_json(json::value const& value) {
  Keys keys(value);
  Transition transition;
  transition.rule = keys.text("rule");
  transition.instance = keys.text("instance");
  transition.tick = keys.required_tick("tick");
  if (auto const from = keys.word("from", status_of)) transition.from = *from;
  if (auto const level = keys.word("from_level", level_of)) transition.from_level = *level;
  if (auto const reason = keys.word("reason", reason_of)) transition.reason = *reason;
  transition.condition = keys.text("condition");
  transition.expr = keys.text("expr");
  if (auto const* notice = keys.find("notice"); notice != nullptr && notice->is_bool())
    transition.notice = notice->get_bool();
  else
    keys.fail("notice");
  if (auto const* notify = keys.find("notify"); notify != nullptr && notify->is_array()) {
    for (auto const& name : notify->get_array())
      if (name.is_string()) transition.notify.emplace_back(name.get_string());
  }
  if (auto const* state = keys.find("state")) {
    auto parsed = state_from_json(*state);
    if (!parsed) return parsed.error();
    transition.state = std::move(*parsed);
  } else {
    keys.fail("state");
  }
  if (!keys.good()) return keys.error();
  return transition;
}

}  // namespace dadvisor::aggregator::alert
