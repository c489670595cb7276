#pragma once
// Whose figures a series of a rule shows: its labels (app, owner, instance, host, cluster), found
// by the metric's path even where functions have renamed or added up. Pure.

#include <functional>
#include <string>
#include <vector>

#include "aggregator/alert/rule.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::alert {

// Labels of the entity behind a path; empty if there is none.
using LabelsOf = std::function<LabelMap(std::string const& path)>;

// In this order: the path that the series was made of ("name" among its tags), its name, what the
// paths within its name agree in ("asPercent(a,b)"), and at last the labels in which all of
// `fetched` agree. Of `fetched` only those count that have the
// series' name as a node, if there are any: so groupByNode's "cart" finds the app cart.
LabelMap subject_of(graphite::Series const& series, std::vector<std::string> const& fetched,
                    LabelsOf const& labels_of);

}  // namespace dadvisor::aggregator::alert
