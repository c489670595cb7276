#pragma once
// A batch for people: what `dadvisor-agent once` prints. Counters need an earlier batch of the
// same sampler for their rates; without one they show as "-". Pure; any thread.

#include <string>

#include "common/core/row.hpp"

namespace dadvisor::agent {

// A heading of the host and a line per container, by app and instance, with units. What is not
// known shows as "-". Names are escaped.
std::string render_table(Batch const& now, Batch const* before = nullptr);

// {"tick": SECONDS, "step": SECONDS, "entities": [{"kind", "id", "labels": {...},
// "figures": {LEAF: NUMBER}}]}: every figure that is known, in the units of the metric table as
// shown (times in seconds), and with `before` the rates.
std::string render_json(Batch const& now, Batch const* before = nullptr);

}  // namespace dadvisor::agent
