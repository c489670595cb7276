#pragma once
// Graphite's plaintext protocol, one point a line: "path value timestamp\n" (carbon's
// protocols.py, MetricLineReceiver). For the sink towards carbon.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::graphite {

// Whether carbon stores `path` under just that name: nodes of [A-Za-z0-9_:%-], none empty.
bool is_line_path(std::string_view path);

// Appends one line to `out`; `timestamp` in unix seconds. Errc::malformed, and nothing appended,
// when the path is not is_line_path or the value is not finite (carbon has no null).
Result<void> append_line(std::string& out, std::string_view path, double value,
                         std::int64_t timestamp);

}  // namespace dadvisor::graphite
