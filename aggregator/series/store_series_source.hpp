#pragma once
// What alert, api and sinks see of the store: every entity's figures as series, under the paths
// that the architecture page lists.
//
// Values at a tick t belong to the slot of t on the grid of the series' step, which is that of the
// newest entity of the path. Where several entities answer to one path (a slot reused by a
// deploy), per step the latest start wins. A leaf exists once its column ever held a value. Within
// a slot and from minute to minute values are averaged, unless a function says otherwise; the
// STATs min and max keep their least and greatest. A query that begins before raw rows do is
// answered from the finest tier that reaches back to its begin, all of it. Foreign points are shown
// as whisper would (foreign_values.hpp). Any thread.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aggregator/series/dead_index.hpp"
#include "aggregator/series/foreign_index.hpp"
#include "aggregator/series/foreign_series.hpp"
#include "aggregator/series/leaf_series.hpp"
#include "aggregator/series/path_index.hpp"
#include "aggregator/series/point_place.hpp"
#include "aggregator/series/tag_index.hpp"
#include "aggregator/store/store.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

struct SeriesOptions {
  std::string prefix = "dadvisor";
  // Beyond these a query is too_large, with a budget of its own and without one.
  std::size_t most_series = 50'000;        // of one pattern
  std::size_t most_nodes = 200'000;        // of one find
  std::size_t most_values = 20'000'000;    // of one fetch, present or not
  std::size_t most_dead_rows = 1'000'000;  // of containers that are over: looked through for one
  // carbon's files as they are now: how foreign points are shown. Without it, carbon's defaults.
  std::function<graphite::CarbonFilesPtr()> carbon_files;
  // Events with from <= when <= until that carry all tags; where there are none, nothing is given.
  std::function<Result<std::vector<graphite::Event>>(std::vector<std::string> const& tags,
                                                     std::int64_t from, std::int64_t until)>
      events;
};

// Which entities' figures are wanted.
struct PointSelection {
  bool apps = true, hosts = true, totals = true, instances = false;
};

class StoreSeriesSource final : public graphite::SeriesSource {
 public:
  // The store must outlive the source.
  explicit StoreSeriesSource(store::Store const& store, SeriesOptions options = {});

  Result<std::vector<graphite::Series>> fetch(std::string_view pattern,
                                              graphite::Window const& window) const override;
  Result<std::unique_ptr<graphite::MatchedSeries>> match(
      std::string_view pattern, graphite::Window const& window) const override;
  // Whatever the store still holds of that time is found; what lives is whenever it began.
  Result<std::vector<graphite::FoundNode>> find(std::string_view pattern,
                                                graphite::Window const& window) const override;

  // Several entities with the same tags are one series, as those of one path are.
  Result<std::vector<graphite::Series>> fetch_tagged(
      std::vector<std::string> const& tag_expressions,
      graphite::Window const& window) const override;
  Result<std::vector<graphite::Event>> events(std::vector<std::string> const& tags,
                                              graphite::Window const& window) const override;

  Result<std::vector<graphite::Lost>> lost(std::vector<std::string> const& patterns,
                                           graphite::Window const& window) const override;

  // Calls visit for every figure of the selected entities with from < tick <= until: path by
  // path, by tick ascending within a path. Errors: io (of the store).
  Result<void> points(WallTime from, WallTime until, PointSelection const& selection,
                      PointVisitor const& visit) const;
  // Those of one tick.
  Result<void> points_at(WallTime tick, PointSelection const& selection,
                         PointVisitor const& visit) const {
    return points(tick - Nanoseconds(1), tick, selection, visit);
  }

  // Labels of the newest entity that a series' path belongs to: "app", "owner", "cluster",
  // "host", "instance", "kind" as far as they are known; of a tagged series, its tags. Empty when
  // there is none.
  std::map<std::string, std::string> labels_of(std::string_view path) const;

  // Whether the container behind a series' path has ended as of `tick`: its host's agent delivered
  // at least three ticks since that no longer list it, nor a later life under the same path. False
  // while the agent is silent (nobody knows), for paths of hosts, apps and totals, and for none.
  bool ended(std::string_view path, WallTime tick) const;
  // The entities whose own paths match the pattern, by path; those of a leaf do not. Of foreign
  // points: those of a parent.
  Result<std::vector<MembersPtr>> entities(std::string_view pattern) const;
  // The series of foreign points whose paths match, or whose tags do.
  Result<std::vector<MatchedLeaf>> foreign_series(std::string_view pattern) const;
  Result<std::vector<MatchedLeaf>> foreign_series(graphite::TagQuery const& query) const;
  // As the store is now.
  TagIndex const& tag_index() const;
  // The paths of all series but those of containers that are over and left memory, sorted.
  // too_large beyond 1,000,000.
  Result<std::vector<std::string>> paths(graphite::QueryBudget* budget = nullptr) const;

 private:
  PathIndex& index() const;
  ForeignIndex& foreign_index() const;
  // The series of foreign leaves.
  Result<std::unique_ptr<ForeignSeries>> foreign_of(std::vector<MatchedLeaf> leaves,
                                                    std::string_view pattern,
                                                    graphite::Window const& window) const;
  // What a pattern matches; foreign ones apart.
  struct Matched {
    MatchedLeaves leaves;
    std::vector<MatchedLeaf> foreign;
  };
  Result<Matched> matched(std::string_view pattern, graphite::Window const& window,
                          std::size_t most) const;
  // How many series a query may keep yet.
  std::size_t most_kept(graphite::Window const& window) const;
  // Of a query that met `most` series: the budget's, when that is its own limit.
  Error refused(Error error, std::size_t most, graphite::Window const& window) const;
  DeadBounds bounds(graphite::Window const& window, std::size_t limit) const;
  MembersPtr at_or_above(std::string_view path) const;
  void join_dead(std::vector<MembersPtr>& members, DeadIndex::Found const& dead) const;
  Result<std::unique_ptr<LeafSeries>> series_of(MatchedLeaves leaves, std::string_view pattern,
                                                graphite::Window const& window) const;

  store::Store const& store_;
  SeriesOptions const options_;
  std::unique_ptr<PathIndex> index_;
  std::unique_ptr<DeadIndex> dead_;
  std::unique_ptr<ForeignIndex> foreign_;
  std::unique_ptr<TagIndex> tags_;
};

}  // namespace dadvisor::aggregator::series
