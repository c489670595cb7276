#pragma once
// Series as lines of text, the bodies of /render answers for tables and scripts. Pure, any thread.
// Where a budget ends, an encoder leaves off: whoever gives it one asks it afterwards.

#include <string>

#include "graphite-bridge/function.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/time_zone.hpp"

namespace dadvisor::graphite {

// "name,2016-11-28 01:00:10,1.5" a line, local times of `zone`, CRLF, as Python's csv quotes.
std::string to_csv(SeriesList const& series, TimeZone const& zone, QueryBudget* budget = nullptr);
// "name,start,end,step|1.0,None" a line.
std::string to_raw(SeriesList const& series, QueryBudget* budget = nullptr);

}  // namespace dadvisor::graphite
