#pragma once
// A SeriesSource as a rule sees it: where values are missing, the last one is held for up to
// `steps` steps, then it is absent (a reading that comes a little late is no news). Remembers the
// names of what was fetched, so that an alert on a sum knows whose figures went into it.
//
// For one evaluation; the source below must outlive it. Any thread.

#include <mutex>
#include <string>
#include <vector>

#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::alert {

// Fills holes of `series` by the value before them, at most `steps` values each.
void hold_values(graphite::Series& series, std::size_t steps);

class HeldSource final : public graphite::SeriesSource {
 public:
  // `step`: seconds between ticks; so much more is fetched in front that the window's first
  // values can be held values too.
  HeldSource(graphite::SeriesSource const& source, std::size_t steps, std::int64_t step)
      : source_(source), steps_(steps), step_(step) {}

  Result<std::vector<graphite::Series>> fetch(std::string_view pattern,
                                              graphite::Window const& window) const override;
  Result<std::vector<graphite::FoundNode>> find(std::string_view pattern,
                                                graphite::Window const& window) const override;
  Result<std::vector<graphite::Series>> fetch_tagged(
      std::vector<std::string> const& tag_expressions,
      graphite::Window const& window) const override;
  Result<std::vector<graphite::Event>> events(std::vector<std::string> const& tags,
                                              graphite::Window const& window) const override;
  // Names of all series fetched so far, unique, sorted.
  std::vector<std::string> fetched() const;

 private:
  graphite::Window wider(graphite::Window window) const;
  // Filled, cut back to `window`, and remembered.
  Result<std::vector<graphite::Series>> held(Result<std::vector<graphite::Series>> fetched,
                                             graphite::Window const& window) const;

  graphite::SeriesSource const& source_;
  std::size_t steps_;
  std::int64_t step_;
  mutable std::mutex mutex_;
  mutable std::vector<std::string> fetched_;
};

}  // namespace dadvisor::aggregator::alert
