#include "aggregator/alert/held_source.hpp"

#include <algorithm>

namespace dadvisor::aggregator::alert {

void hold_values(graphite::Series& series, std::size_t steps) {
  double last = graphite::absent;
  std::size_t held = 0;
  for (double& value : series.values) {
    if (!graphite::is_absent(value)) {
      last = value;
      held = 0;
    } else if (held < steps) {
      value = last;  // absent itself before the first value
      ++held;
    }
  }
}

Result<std::vector<graphite::Series>> HeldSource::fetch(std::string_view pattern,
                                                        graphite::Window const& window) const {
  return held(source_.fetch(pattern, wider(window)), window);
}

Result<std::vector<graphite::Series>> HeldSource::fetch_tagged(
    std::vector<std::string> const& tag_expressions, graphite::Window const& window) const {
  return held(source_.fetch_tagged(tag_expressions, wider(window)), window);
}

graphite::Window HeldSource::wider(graphite::Window window) const {
  window.from -= static_cast<std::int64_t>(steps_) * step_;
  return window;
}

Result<std::vector<graphite::Series>> HeldSource::held(
    Result<std::vector<graphite::Series>> fetched, graphite::Window const& window) const {
  if (!fetched) return fetched;
  for (auto& series : *fetched) {
    hold_values(series, steps_);
    // Back to what was asked for: the first value is the first one behind `from`.
    auto const start = window.from - window.from % series.step + series.step;
    if (start > series.start) {
      auto const extra = std::min(static_cast<std::size_t>((start - series.start) / series.step),
                                  series.values.empty() ? 0 : series.values.size() - 1);
      series.values.erase(series.values.begin(),
                          series.values.begin() + static_cast<std::ptrdiff_t>(extra));
      series.start += static_cast<std::int64_t>(extra) * series.step;
    }
  }
  std::lock_guard const lock(mutex_);
  for (auto const& series : *fetched) fetched_.push_back(series.name);
  return fetched;
}

Result<std::vector<graphite::Event>> HeldSource::events(std::vector<std::string> const& tags,
                                                        graphite::Window const& window) const {
  return source_.events(tags, window);
}

Result<std::vector<graphite::FoundNode>> HeldSource::find(std::string_view pattern,
                                                          graphite::Window const& window) const {
  return source_.find(pattern, window);
}

std::vector<std::string> HeldSource::fetched() const {
  std::lock_guard const lock(mutex_);
  auto names = fetched_;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace dadvisor::aggregator::alert
