#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

Result<std::unique_ptr<MatchedSeries>> SeriesSource::match(std::string_view, Window const&) const {
  return std::unique_ptr<MatchedSeries>();
}

Result<std::vector<Series>> SeriesSource::fetch_tagged(std::vector<std::string> const&,
                                                       Window const&) const {
  return std::vector<Series>{};
}

Result<std::vector<Event>> SeriesSource::events(std::vector<std::string> const&,
                                                Window const&) const {
  return std::vector<Event>{};
}

Result<std::vector<Lost>> SeriesSource::lost(std::vector<std::string> const&, Window const&) const {
  return std::vector<Lost>();
}

}  // namespace dadvisor::graphite
