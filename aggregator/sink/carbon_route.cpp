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
    goes_ = !filtered_ &&
            (!routing_.ring || routing_.ring->holds(routing_.node, name_, routing_.replication));
  }
  return goes_ ? std::optional<std::string_view>(name_) : std::nullopt;
}

}  // namespace dadvisor::aggregator::sink
