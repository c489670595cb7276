#pragma once
// A mail's HTML part: tables of at most 600 pixels, styles inline (some programs drop the style
// element) with a dark look for programs that have one, no script, no remote image. All text from
// outside is escaped. Pure.

#include <string>
#include <string_view>

#include "aggregator/notify/message_context.hpp"
#include "aggregator/notify/outbox.hpp"

namespace dadvisor::aggregator::notify {

// `picture`: the Content-ID of context.png; empty: none.
std::string html_body(Batch const& batch, MessageContext const& context,
                      std::string_view external_url, std::string_view picture);

// "97.25 at 23:57 UTC, crit when > 90 ...": the picture in words.
std::string picture_text(alert::Transition const& notice, MessageContext const& context);

}  // namespace dadvisor::aggregator::notify
