#pragma once
// What becomes of a point, by the name it was sent under: white and black list, rewrite rules,
// aggregation rules, and the series it is stored as, in the order of carbon-aggregator. Made once
// for each name and kept, so that lists and rules cost nothing from then on. One thread.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/ingest/foreign_rows.hpp"
#include "common/core/clock.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"

namespace dadvisor::aggregator::ingest {

struct AggregateBuffer;  // point_aggregator.hpp
class PointAggregator;

enum class RouteVerdict : std::uint8_t {
  take,
  aggregated,  // a rule makes points of the same name of it
  blacklisted,
  not_whitelisted,
  bad_name,
  too_many_series,
};

struct PointRoute {
  RouteVerdict verdict = RouteVerdict::take;
  ForeignSeries series;                 // of take
  std::vector<AggregateBuffer*> feeds;  // of take and aggregated
  std::string_view name;                // as it was sent; empty where the route is not kept
};

struct RouterOptions {
  std::string prefix = "dadvisor";      // names below it are ours: nobody else's points
  std::size_t most_routes = 4'000'000;  // names that are kept
  double new_series_per_second = 20'000;
  double new_series_at_once = 200'000;
};

class PointRouter {
 public:
  // `rows` and `aggregator` must outlive it.
  PointRouter(RouterOptions options, ForeignRows& rows, PointAggregator& aggregator,
              graphite::CarbonFilesPtr files);

  // Valid until use() or, where it is not kept, until the next call.
  PointRoute const& route(std::string_view name, MonotonicTime now);
  // Of a point that a rule made: neither lists nor rules are for it.
  PointRoute const& made_route(std::string const& name, MonotonicTime now);

  // Other files: all routes are made anew, and what is being aggregated begins anew, as in carbon.
  void use(graphite::CarbonFilesPtr files);
  // Rises with use(): routes from before must not be used any more.
  std::uint32_t generation() const { return generation_; }
  std::size_t routes() const { return routes_.size(); }

 private:
  PointRoute make(std::string_view name, MonotonicTime now);
  void store_as(std::string_view name, MonotonicTime now, PointRoute& route);
  bool may_add(MonotonicTime now);

  RouterOptions const options_;
  ForeignRows& rows_;
  PointAggregator& aggregator_;
  graphite::CarbonFilesPtr files_;
  std::map<std::string, PointRoute, std::less<>> routes_, made_;
  PointRoute passing_;  // one that is not kept
  std::uint32_t generation_ = 1;
  double allowed_;
  MonotonicTime allowed_at_{};
};

}  // namespace dadvisor::aggregator::ingest
