#pragma once
// What a mail shows beside its notices: the seam between messages and the figures behind them.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/notify/outbox.hpp"
#include "graphite-bridge/event.hpp"

namespace dadvisor::aggregator::notify {

// One series as it stands at the notice's tick.
struct Standing {
  std::string name;  // "host/instance" where that is known
  std::optional<double> value;
};

struct MessageContext {
  std::string png;                      // of the rule's target; empty: no picture
  std::int64_t from = 0;                // of the picture, unix seconds
  std::int64_t until = 0;               //
  std::vector<Standing> worst;          // the gravest first, at most most_worst
  std::size_t series = 0;               // of which worst are the gravest
  std::vector<graphite::Event> events;  // of the hour before the notice, the newest first
};
inline constexpr std::size_t most_worst = 5, most_events = 10;
inline constexpr double picture_width = 552, picture_height = 240;  // as shown; drawn twice as fine

// Called on the channel's thread, for the gravest notice of a message. What cannot be had is left
// empty: a mail is never held up for a picture.
using ContextOf = std::function<MessageContext(alert::Transition const& notice)>;

}  // namespace dadvisor::aggregator::notify
