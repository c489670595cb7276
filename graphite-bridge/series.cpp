#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

void cut_behind_end(Series& series) {
  auto const span = series.end - series.start;
  auto const room = span < 0 ? 0 : static_cast<std::size_t>(span / series.step) + 1;
  if (series.values.size() > room) series.values.resize(room);
}

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
