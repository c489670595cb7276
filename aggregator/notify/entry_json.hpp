#pragma once
// An outbox entry as JSON (aggregator/alert/FORMAT.md). Pure.

#include <string>
#include <string_view>

#include "aggregator/notify/outbox.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::notify {

char const* to_string(Phase phase);
std::string outbox_header();
std::string entry_record(Entry const& entry);
// nullopt for the header. Errc::malformed names what is missing or of the wrong kind.
Result<std::optional<Entry>> parse_outbox_record(std::string_view record);

}  // namespace dadvisor::aggregator::notify
