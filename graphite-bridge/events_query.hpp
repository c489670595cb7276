#pragma once
// /events/get_data and /events without HTTP: what happened in a span of time, as graphite-web
// 1.1.8 answers. Reentrant: as many threads as the source allows.

#include <cstdint>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/parameters.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

// Parameters: from (0 when not given), until (now), tags (names between blanks, all needed),
// set=union (one of them is enough) or set=intersection (all), now, tz. An empty `tags` is one tag
// without a name, which no event has. Unlike graphite-web, which leaves out tags that it never saw
// unless set=intersection: needed is needed. By time ascending. Errc::malformed: a time that does
// not parse.
Result<std::vector<Event>> find_events(Parameters const& parameters, std::int64_t now,
                                       SeriesSource const& source);
// The same as [{"when": s, "what": ..., "data": ..., "tags": [...], "id": n}, ...].
Result<Answer> list_events(Parameters const& parameters, std::int64_t now,
                           SeriesSource const& source);
// One of them.
std::string event_json(Event const& event);
// One as /events/ID shows it, `at_ns` since 1970 being its moment: {"id": n, "when":
// "2023-11-14T22:13:20.750Z", "what": ..., "data": ..., "tags": [...]}.
std::string event_detail(Event const& event, std::int64_t at_ns);

}  // namespace dadvisor::graphite
