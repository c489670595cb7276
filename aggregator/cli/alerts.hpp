#pragma once
// `dadvisor alerts`: what /api/v1/alerts says, as a table for people.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::aggregator::cli {

// One line an alert, the gravest and the longest first, columns as wide as their content. `now` in
// unix seconds, for ages. malformed when `json` is not what the API answers.
Result<std::string> alerts_table(std::string_view json, std::int64_t now);

}  // namespace dadvisor::aggregator::cli
