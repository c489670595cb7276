#include "graphite-bridge/series.hpp"

namespace dadvisor::graphite {

std::size_t bytes_of(Series const& series) {
  constexpr std::size_t of_a_tag = 112;  // its node in the map
  std::size_t tags = 0;
  for (auto const& [tag, value] : series.tags) tags += of_a_tag + tag.size() + value.size();
  return sizeof series + series.values.capacity() * sizeof(double) + series.name.size() +
         series.path_expression.size() + tags;
}

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
