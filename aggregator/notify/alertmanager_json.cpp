#include "aggregator/notify/alertmanager_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "aggregator/alert/incident_id.hpp"
#include "aggregator/notify/message_text.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::notify {

namespace {

namespace json = boost::json;
using alert::LabelMap;
using alert::Status;
using alert::Transition;

LabelMap labels_of(Transition const& notice) {
  LabelMap labels;
  for (auto const& [name, value] : notice.state.labels) labels[name] = printable(value, 4096);
  labels.erase("runbook");  // an annotation
  labels["alertname"] = notice.rule;
  labels["series"] = printable(notice.instance, 4096);
  auto const level =
      notice.state.status == Status::resolved ? notice.from_level : notice.state.level;
  if (!labels.contains("severity") && level != alert::Level::none)
    labels["severity"] = level == alert::Level::crit ? "critical" : "warning";
  return labels;
}

LabelMap annotations_of(Transition const& notice) {
  LabelMap out;
  out["summary"] = printable(notice.state.title.empty() ? notice.rule : notice.state.title, 1024);
  out["state"] = alert::to_string(notice.state.status);
  out["value"] = notice.state.value ? fmt::format("{:.6g}", *notice.state.value) : "absent";
  if (!notice.condition.empty()) out["condition"] = notice.condition;
  if (notice.reason != alert::Reason::none) out["reason"] = alert::to_string(notice.reason);
  out["incident"] = notice.state.incident;
  if (auto const runbook = label(notice, "runbook"); !runbook.empty()) out["runbook_url"] = runbook;
  return out;
}

json::object to_json(LabelMap const& labels) {
  json::object out;
  for (auto const& [name, value] : labels) out[name] = value;
  return out;
}

// The entries that all have.
void keep_common(LabelMap& common, LabelMap const& other) {
  std::erase_if(common, [&](auto const& entry) {
    auto const found = other.find(entry.first);
    return found == other.end() || found->second != entry.second;
  });
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char const c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

}  // namespace

std::string fingerprint(LabelMap const& labels) {
  std::uint64_t hash = alert::fnv1a("");
  for (auto const& [name, value] : labels) {
    if (name == "severity") continue;
    hash = alert::fnv1a("\xff", alert::fnv1a(name, hash));
    hash = alert::fnv1a("\xff", alert::fnv1a(value, hash));
  }
  return fmt::format("{:016x}", hash);
}

std::string alertmanager_json(Batch const& batch, std::string_view receiver,
                              std::string_view external_url) {
  json::array alerts;
  bool firing = false;
  LabelMap common_labels;
  LabelMap common_annotations;
  for (std::size_t i = 0; i < batch.notices.size(); ++i) {
    auto const& notice = batch.notices[i];
    bool const ended = notice.state.status == Status::resolved;
    firing = firing || !ended;
    auto const labels = labels_of(notice);
    auto const annotations = annotations_of(notice);
    if (i == 0) {
      common_labels = labels;
      common_annotations = annotations;
    } else {
      keep_common(common_labels, labels);
      keep_common(common_annotations, annotations);
    }
    json::object alert;
    alert["status"] = ended ? "resolved" : "firing";
    alert["labels"] = to_json(labels);
    alert["annotations"] = to_json(annotations);
    alert["startsAt"] = rfc3339(notice.state.opened);
    alert["endsAt"] = ended ? rfc3339(notice.tick) : "0001-01-01T00:00:00Z";
    alert["generatorURL"] = notice.expr.empty() ? "" : render_url(external_url, notice);
    alert["fingerprint"] = fingerprint(labels);
    alerts.push_back(std::move(alert));
  }
  LabelMap group{{"alertname", batch.notices.front().rule}};
  if (auto const app = common_labels.find("app"); app != common_labels.end()) group.insert(*app);
  std::string group_key = "{}:{";
  for (auto const& [name, value] : group)
    group_key += fmt::format("{}{}={}", group_key.size() > 4 ? ", " : "", name, quoted(value));
  group_key += "}";

  json::object out;
  out["receiver"] = receiver;
  out["status"] = firing ? "firing" : "resolved";
  out["alerts"] = std::move(alerts);
  out["groupLabels"] = to_json(group);
  out["commonLabels"] = to_json(common_labels);
  out["commonAnnotations"] = to_json(common_annotations);
  out["externalURL"] = external_url;
  out["version"] = "4";
  out["groupKey"] = group_key;
  out["truncatedAlerts"] = 0;
  return json::serialize(out);
}

}  // namespace dadvisor::aggregator::notify
