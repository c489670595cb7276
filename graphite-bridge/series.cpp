#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

Result<std::vector<Event>> SeriesSource::events(std::vector<std::string> const&,
                                                Window const&) const {
  return std::vector<Event>{};
}

}  // namespace dadvisor::graphite
