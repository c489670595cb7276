#pragma once
// Where an entity stands among the paths: PREFIX.CLUSTER.instances.APP.INSTANCE,
// PREFIX.CLUSTER.apps.APP, PREFIX.CLUSTER.hosts.HOST or PREFIX.CLUSTER.total. Pure, any thread.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/row.hpp"

namespace dadvisor::aggregator::series {

// Its nodes; PREFIX may have dots and then is several. Names are encoded by
// graphite-bridge/path_node: an app whose raw name begins with "/" as a Marathon id.
std::vector<std::string> entity_path(Entity const& entity, std::string_view prefix);

// With dots between them.
std::string joined_path(std::vector<std::string> const& nodes);
// The last node of a container's path: by it the store finds one that is over.
std::string instance_node(Entity const& container);

// What is known of it besides figures, for people: "app", "owner", "cluster", "host", "instance",
// "kind" (instance, app, host, total) and its other labels, raw.
std::map<std::string, std::string> entity_labels(Entity const& entity);

}  // namespace dadvisor::aggregator::series
