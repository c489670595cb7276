#pragma once
// How `dadvisor store` shows what it found. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/inspection.hpp"

namespace dadvisor::aggregator::cli {

// Lines of cells as columns, as wide as their content; two spaces between them.
std::string columns_text(std::vector<std::vector<std::string>> const& lines);
// "2026-11-26T05:00:00Z".
std::string utc_text(std::int64_t unix_seconds);

std::string inspection_table(store::StoreInspection const& found);
// "FILE: ENTITY: FROM to UNTIL: WHAT; REMEDY"; what is not known is left out.
std::string damage_line(store::StoreDamage const& damage);

// What the aggregator answers, for people. Errors: malformed, when it is no such answer.
Result<std::string> status_store_table(std::string_view json);
Result<std::string> deletion_table(std::string_view json, bool dry_run);
Result<std::string> rename_line(std::string_view json);
Result<std::string> audit_table(std::string_view json);
Result<std::string> backup_line(std::string_view json);
Result<std::string> compaction_line(std::string_view json);

}  // namespace dadvisor::aggregator::cli
