#pragma once
// What a message says to a person, and the links in it. Pure.

#include <string>
#include <string_view>

#include "aggregator/notify/outbox.hpp"

namespace dadvisor::aggregator::notify {

// "[CRIT] title", for several instances "[CRIT] title (3 instances)". The word is the gravest
// state in the message: CRIT, WARN, NODATA, RESOLVED.
std::string subject(Batch const& batch);

// The text of a mail: state, title, and of each instance value against threshold and since when.
std::string body(Batch const& batch, std::string_view external_url);

// The rule's target as /render shows it from an hour before the alert began.
std::string render_url(std::string_view external_url, alert::Transition const& notice);

// "2026-11-22T23:57:01Z" (RFC 3339).
std::string rfc3339(alert::Tick tick);
// RFC 3986: all but unreserved characters as %XX.
std::string percent_encoded(std::string_view text);
// One word for a state: CRIT, WARN, NODATA, RESOLVED.
std::string state_word(alert::Transition const& notice);
// "97.3", or "absent".
std::string value_text(alert::Transition const& notice);

}  // namespace dadvisor::aggregator::notify
