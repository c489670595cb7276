#pragma once
// States and transitions as JSON, the payload of journal and outbox records (FORMAT.md). Absent
// values are absent keys. Pure.

#include <boost/json.hpp>

#include "aggregator/alert/state.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::alert {

boost::json::object to_json(InstanceState const& state);
boost::json::object to_json(Transition const& transition);
// Errc::malformed names what is missing or of the wrong kind; unknown keys are passed over.
Result<InstanceState> state_from_json(boost::json::value const& json);
Result<Transition> transition_from_json(boost::json::value const& json);

}  // namespace dadvisor::aggregator::alert
