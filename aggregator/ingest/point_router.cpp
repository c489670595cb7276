#include "aggregator/ingest/point_router.hpp"

#include <algorithm>

#include "aggregator/ingest/point_aggregator.hpp"
#include "graphite-bridge/carbon/point_path.hpp"

namespace dadvisor::aggregator::ingest {
namespace {

bool is_below(std::string_view path, std::string_view prefix) {
  return !prefix.empty() && path.starts_with(prefix) &&
         (path.size() == prefix.size() || path[prefix.size()] == '.');
}

// Whether the same name may fare otherwise later, or costs so little to look at that keeping it
// would only help those who send rubbish.
bool passes(RouteVerdict verdict) {
  return verdict == RouteVerdict::bad_name || verdict == RouteVerdict::too_many_series;
}

}  // namespace

PointRouter::PointRouter(RouterOptions options, ForeignRows& rows, PointAggregator& aggregator,
                         graphite::CarbonFilesPtr files)
    : options_(std::move(options)),
      rows_(rows),
      aggregator_(aggregator),
      files_(std::move(files)),
      allowed_(options_.new_series_at_once) {}

PointRoute const& PointRouter::route(std::string_view name, MonotonicTime now) {
  if (auto const known = routes_.find(name); known != routes_.end()) return known->second;
  passing_ = make(name, now);
  if (passes(passing_.verdict) || routes_.size() >= options_.most_routes) return passing_;
  auto const kept = routes_.emplace(name, std::move(passing_)).first;
  kept->second.name = kept->first;
  return kept->second;
}

PointRoute const& PointRouter::made_route(std::string const& name, MonotonicTime now) {
  if (auto const known = made_.find(name); known != made_.end()) return known->second;
  passing_ = {};
  store_as(name, now, passing_);
  if (passes(passing_.verdict) || made_.size() >= options_.most_routes) return passing_;
  return made_.emplace(name, std::move(passing_)).first->second;
}

PointRoute PointRouter::make(std::string_view name, MonotonicTime now) {
  PointRoute route;
  if (files_->black.contains(name)) {
    route.verdict = RouteVerdict::blacklisted;
    return route;
  }
  if (!files_->white.empty() && !files_->white.contains(name)) {
    route.verdict = RouteVerdict::not_whitelisted;
    return route;
  }
  std::string path = graphite::rewritten(files_->pre, name);
  bool own_name = false;
  for (graphite::AggregationRule const& rule : files_->rules)
    if (auto const output = rule.output(path)) {
      route.feeds.push_back(&aggregator_.buffer(*output, rule));
      own_name = own_name || *output == path;
    }
  if (own_name) {
    route.verdict = RouteVerdict::aggregated;
    return route;
  }
  store_as(graphite::rewritten(files_->post, path), now, route);
  return route;
}

void PointRouter::store_as(std::string_view name, MonotonicTime now, PointRoute& route) {
  auto const path = graphite::canonical_path(name);
  if (!path || is_below(*path, options_.prefix)) {
    route.verdict = RouteVerdict::bad_name;
    return;
  }
  auto series = rows_.find(*path);
  if (!series && may_add(now))
    series = rows_.add(*path, files_->schemas.archives(*path).front().step);
  if (series)
    route.series = *series;
  else
    route.verdict = RouteVerdict::too_many_series;
}

bool PointRouter::may_add(MonotonicTime now) {
  if (allowed_at_ != MonotonicTime{})
    allowed_ = std::min(options_.new_series_at_once,
                        allowed_ + options_.new_series_per_second *
                                       std::chrono::duration<double>(now - allowed_at_).count());
  allowed_at_ = now;
  if (allowed_ < 1) return false;
  --allowed_;
  return true;
}

void PointRouter::use(graphite::CarbonFilesPtr files) {
  files_ = std::move(files);
  routes_.clear();
  made_.clear();
  aggregator_.clear();
  ++generation_;
}

}  // namespace dadvisor::aggregator::ingest
