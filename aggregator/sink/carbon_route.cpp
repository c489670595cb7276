#include "aggregator/sink/carbon_route.hpp"

namespace dadvisor::aggregator::sink {

void CarbonRoute::refresh() {
  files_ = routing_.files ? routing_.files() : nullptr;
  path_.clear();
}

std::optional<std::string_view> CarbonRoute::of(std::string_view path) {
  if (path != path_) {
    path_ = path;
    name_ = path;
    filtered_ = false;
    if (files_) {
      filtered_ =
          files_->black.contains(path) || (!files_->white.empty() && !files_->white.contains(path));
      name_ = graphite::rewritten(files_->post, graphite::rewritten(files_->pre, path));
    }
    goes_ = !filtered_ && goes_there(name_);
  }
  return goes_ ? std::optional<std::string_view>(name_) : std::nullopt;
}

bool CarbonRoute::goes_there(std::string_view name) const {
  if (files_ && !files_->relay.empty())
    return graphite::relayed(files_->relay, name, routing_.destination);
  return !routing_.ring || routing_.ring->holds(routing_.node, name, routing_.replication);
}

}  // namespace dadvisor::aggregator::sink
