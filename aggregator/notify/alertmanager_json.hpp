#pragma once
// A message as Alertmanager's webhook, version 4 (as Alertmanager 0.25 really sends it), so that
// whatever takes Alertmanager's webhooks takes ours. Pure.
//
// alertname is the rule's id; severity (critical, warning) is a label as receivers expect it, but
// stays out of the fingerprint: it may change within an incident, the fingerprint may not.
// NODATA is "firing" with the annotation state: NODATA.

#include <string>
#include <string_view>

#include "aggregator/notify/outbox.hpp"

namespace dadvisor::aggregator::notify {

// `receiver` is its name in the notify file.
std::string alertmanager_json(Batch const& batch, std::string_view receiver,
                              std::string_view external_url);

// 16 hex digits: FNV-1a over the labels, each "name\xffvalue\xff", sorted, without severity.
std::string fingerprint(alert::LabelMap const& labels);

}  // namespace dadvisor::aggregator::notify
