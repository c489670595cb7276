#pragma once
// What a message says to a person, and the links in it. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "aggregator/notify/message_context.hpp"
#include "aggregator/notify/outbox.hpp"

namespace dadvisor::aggregator::notify {

// "[CRIT] title", for several instances "[CRIT] title (3 instances)", for several rules or apps
// "[CRIT] title and 4 more alerts". The word is the gravest state in the message: CRIT, WARN,
// NODATA, RESOLVED.
std::string headline(Batch const& batch);

// The same behind which stands since when: "[CRIT] title since 22 Nov 23:54 UTC", so that the
// subjects of an incident differ in the state alone.
std::string subject(Batch const& batch);

// The notice with the gravest state.
alert::Transition const& gravest(Batch const& batch);
// Those of the batch, the gravest first.
std::vector<alert::Transition const*> by_gravity(Batch const& batch);
// Whether it holds more than one rule or app.
bool is_digest(Batch const& batch);

// What happened, in a sentence's half: "value 97.3, crit when > 90 for 3m".
std::string finding(alert::Transition const& notice);
// "since 2026-11-22 23:54:01 UTC (3m)", for what ended "from ... to ... (3m)"; for missing data "the
// alert stands since ...".
std::string span_text(alert::Transition const& notice);
// What to call an instance where there is little room: by its labels "host/instance", a host's
// or an app's name; else its series' name.
std::string short_name(alert::Transition const& notice);
std::string short_name(alert::LabelMap const& labels, std::string const& series);
// A label, fit to be shown; empty if there is none.
std::string label(alert::Transition const& notice, char const* name);

// The text of a mail, complete on its own: state, title, of each instance value against threshold
// and since when, the worst series, what changed before, and where to look.
std::string body(Batch const& batch, MessageContext const& context, std::string_view external_url);

// "You get this because ...": the rule, and by which way it came to the receiver.
std::string why_text(Batch const& batch);

// The rule's target as /render shows it from an hour before the alert began.
std::string render_url(std::string_view external_url, alert::Transition const& notice);

// "2026-11-22T23:57:01Z" (RFC 3339).
std::string rfc3339(alert::Tick tick);
// RFC 3986: all but unreserved characters as %XX.
std::string percent_encoded(std::string_view text);
// One word for a state: CRIT, WARN, NODATA, RESOLVED.
std::string state_word(alert::Transition const& notice);
// "97.3", "536.9 M", or "absent".
std::string value_text(alert::Transition const& notice);
// Four digits that count, with k, M, G, T from 10,000 on.
std::string number_text(double value);
// "2026-11-22 23:57:01 UTC".
std::string clock_text(alert::Tick tick);

}  // namespace dadvisor::aggregator::notify
