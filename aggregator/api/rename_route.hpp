#pragma once
// Another name for what others send to the Graphite ports, for the admin unix socket alone:
//
//   POST /store/rename  from, to, merge=1, dry_run=1: the series `from`, and all below it
//
// What is shown of a series is written under its new name, archive by archive as carbon's files
// have it, read back, and only then deleted under the old one: a rename that is cut leaves both,
// and the same with `merge` finishes it. A series that is there under the new name is a conflict
// without `merge`; with it the values of the old name win. What comes later under the old name is a
// series of its own. Names of apps, hosts and instances come from the agents.

#include "aggregator/api/admin_routes.hpp"
#include "aggregator/api/import.hpp"

namespace dadvisor::aggregator::api {

void add_rename_route(Router& router, AdminSeams admin, ImportSeams import);

}  // namespace dadvisor::aggregator::api
