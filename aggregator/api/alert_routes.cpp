#include "aggregator/api/alert_routes.hpp"

#include <boost/json.hpp>
#include <map>
#include <set>

#include "aggregator/notify/entry_json.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::api {

namespace {

namespace json = boost::json;

json::value seconds_or_null(alert::Tick tick) {
  auto const unix = tick.time_since_epoch().count();
  return unix == 0 ? json::value(nullptr) : json::value(unix);
}

json::value text_or_null(std::string const& text) {
  return text.empty() ? json::value(nullptr) : json::value(printable(text, 4096));
}

std::string label_value(alert::InstanceState const& state, char const* name) {
  auto const found = state.labels.find(name);
  return found == state.labels.end() ? std::string() : found->second;
}

json::object delivery_json(notify::Entry const& entry) {
  json::object out;
  out["receiver"] = printable(entry.receiver, 512);
  out["phase"] = to_string(entry.phase);
  out["attempts"] = entry.attempts;
  out["planned"] = unix_seconds(entry.planned);
  out["changed"] = unix_seconds(entry.changed);
  out["due"] = entry.waiting() ? json::value(unix_seconds(entry.due)) : json::value(nullptr);
  out["told"] =
      entry.told ? json::value(alert::to_string(entry.told->status)) : json::value(nullptr);
  out["detail"] = text_or_null(entry.detail);
  return out;
}

json::object alert_json(alert::InstanceView const& view,
                        std::vector<notify::Entry const*> const& deliveries) {
  auto const& state = view.state;
  json::object out;
  out["rule"] = view.rule;
  out["instance"] = printable(view.instance, 4096);
  out["state"] = alert::to_string(state.status);
  out["level"] = text_or_null(alert::to_string(state.level));
  out["value"] = state.value ? json::value(*state.value) : json::value(nullptr);
  out["since"] = seconds_or_null(state.since);
  bool const incident = !state.incident.empty() && state.status != alert::Status::pending;
  out["began"] = incident ? seconds_or_null(state.began) : json::value(nullptr);
  out["opened"] = incident ? seconds_or_null(state.opened) : json::value(nullptr);
  out["last_data"] = seconds_or_null(state.last_data);
  out["incident"] = incident ? text_or_null(state.incident) : json::value(nullptr);
  out["title"] = text_or_null(state.title);
  out["app"] = text_or_null(label_value(state, "app"));
  out["owner"] = text_or_null(label_value(state, "owner"));
  json::object labels;
  for (auto const& [name, value] : state.labels) labels[name] = printable(value, 4096);
  out["labels"] = std::move(labels);
  json::array told;
  for (auto const* entry : deliveries) told.push_back(delivery_json(*entry));
  out["deliveries"] = std::move(told);
  return out;
}

bool wanted(alert::InstanceView const& view, http::Fields const& parameters) {
  auto const matches = [&](char const* name, std::string const& value) {
    auto const asked = http::parameter(parameters, name);
    return !asked || *asked == value;
  };
  return matches("rule", view.rule) && matches("app", label_value(view.state, "app")) &&
         matches("owner", label_value(view.state, "owner")) &&
         matches("state", alert::to_string(view.state.status));
}

}  // namespace

std::string alerts_json(std::vector<alert::InstanceView> const& instances,
                        std::vector<notify::Entry> const& deliveries,
                        http::Fields const& parameters) {
  std::map<std::string, std::vector<notify::Entry const*>> by_incident;
  for (auto const& entry : deliveries) by_incident[entry.incident].push_back(&entry);
  std::set<std::string> shown;
  json::array alerts;
  auto const add = [&](alert::InstanceView const& view) {
    if (!wanted(view, parameters)) return;
    bool const incident = view.state.status != alert::Status::pending;
    alerts.push_back(alert_json(
        view, incident ? by_incident[view.state.incident] : std::vector<notify::Entry const*>{}));
  };
  bool const ended = http::parameter(parameters, "resolved") == "1";
  for (auto const& view : instances) {
    if (view.state.status == alert::Status::resolved && !ended) continue;
    shown.insert(view.state.incident);
    add(view);
  }
  if (ended)
    for (auto const& [incident, entries] : by_incident) {
      auto const& notice = entries.front()->notice;
      if (notice.state.status == alert::Status::resolved && shown.insert(incident).second)
        add({notice.rule, notice.instance, notice.state});
    }
  return json::serialize(json::object{{"alerts", std::move(alerts)}});
}

void add_alert_routes(Router& router, AlertSource source) {
  router.add("/api/v1/alerts", "GET",
             [source = std::move(source)](http::Request request, http::Responder respond) {
               respond(http::json_response(
                   200, alerts_json(source.instances(), source.deliveries(), request.parameters)));
             });
}

}  // namespace dadvisor::aggregator::api
