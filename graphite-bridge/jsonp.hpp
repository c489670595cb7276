#pragma once
// JSON as a script that calls a function of the page that asks (jsonp=CALLBACK): how pages of other
// origins read Graphite before CORS. Whoever may be asked so hands what he shows to any page that a
// reader opens; it is off unless it is switched on. Pure, any thread.

#include "common/core/result.hpp"
#include "graphite-bridge/parameters.hpp"

namespace dadvisor::graphite {

// Errc::malformed for a `jsonp` that must not be answered: it is not `allowed`, or its callback is
// not of 1 to 64 letters, digits, "_", "$" and ".". Without the parameter, nothing.
Result<void> check_callback(Parameters const& parameters, bool allowed);

// CALLBACK(JSON) in place of JSON where `jsonp` asks for it; an SVG goes as a JSON text, every
// other type as it is (graphite-web: render/views.py, metrics/views.py). Checked before.
Answer with_callback(Parameters const& parameters, Answer answer);

}  // namespace dadvisor::graphite
