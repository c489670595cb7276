#pragma once
// GET /api/v1/alerts: the alerts that are not OK and who was told of them, as JSON, for the
// operator's command and the console. Parameters rule, app, owner, state (all exact) narrow it;
// resolved=1 adds incidents that ended and that the outbox still remembers.
//
// {"alerts":[{"rule","instance","state","level","value","since","began","opened","last_data",
//   "incident","title","app","owner","labels":{},"deliveries":[{"receiver","phase","attempts",
//   "planned","changed","due","told","detail"}]}]}
// Times are unix seconds; what is not known is null.

#include <functional>
#include <string>
#include <vector>

#include "aggregator/alert/engine.hpp"
#include "aggregator/api/router.hpp"
#include "aggregator/notify/outbox.hpp"

namespace dadvisor::aggregator::api {

// Both are called on the thread of the HTTP loop and must not block for long.
struct AlertSource {
  std::function<std::vector<alert::InstanceView>()> instances;
  std::function<std::vector<notify::Entry>()> deliveries;
};

void add_alert_routes(Router& router, AlertSource source);

// The answer's body. Pure.
std::string alerts_json(std::vector<alert::InstanceView> const& instances,
                        std::vector<notify::Entry> const& deliveries,
                        http::Fields const& parameters);

}  // namespace dadvisor::aggregator::api
