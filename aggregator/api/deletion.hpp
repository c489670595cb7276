#pragma once
// What POST /store/delete deletes: rows of whole entities, by the glob of their paths; and of
// points that others sent also single series, by the glob of their whole paths or by their tags.
// What would go is counted first, row by row, so that a dry run says what a deletion does.

#include "aggregator/api/admin_routes.hpp"

namespace dadvisor::aggregator::api {

// Parameters: `pattern`, or `tag` (name=disk.used, host=~web.*; all that are given must match);
// from, until (Graphite's times), dry_run=1. On the pool's thread.
http::Response run_deletion(AdminSeams const& seams, http::Request const& request,
                            Abandoned const& abandoned);

}  // namespace dadvisor::aggregator::api
