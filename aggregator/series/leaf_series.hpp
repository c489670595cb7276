#pragma once
// Series of matched leaves over a window, read out of the store when they are asked for: entity
// after entity, so that of thousands only one is in memory at a time. Not of foreign leaves.
//
// Values at a tick t belong to the slot of t on the grid of the series' step. See
// store_series_source.hpp for which rows a value is made of.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/series/leaf_values.hpp"
#include "aggregator/series/path_index.hpp"
#include "aggregator/store/store.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

template <typename Own>
class LeafReading;

class LeafSeries final : public graphite::MatchedSeries {
 public:
  // Store and index must outlive it. Errors: too_large (more than `most_values` in all series),
  // here and of all that reads those of the window's budget, which what is taken is charged to.
  static Result<std::unique_ptr<LeafSeries>> make(store::Store const& store, PathIndex const& index,
                                                  MatchedLeaves leaves, std::string_view pattern,
                                                  graphite::Window const& window,
                                                  std::size_t most_values);

  std::size_t size() const override { return leaves_->size(); }
  Shape shape(std::size_t place) const override;
  Result<void> each(Visitor const& visit) const override;
  Result<std::vector<graphite::Series>> take(std::span<std::size_t const> places) const override;
  Result<std::vector<graphite::Series>> take_all() const;

 private:
  class Reader;
  friend class LeafReading<LeafSeries>;
  // What leaves of entities of one kind and step have in common.
  struct StepShape {
    EntityKind kind;
    Nanoseconds of;
    Shape shape;
  };

  LeafSeries(store::Store const& store, PathIndex const& index, MatchedLeaves leaves,
             std::string_view pattern, graphite::Window const& window)
      : store_(store),
        index_(index),
        leaves_(std::move(leaves)),
        pattern_(pattern),
        window_(window) {}
  // Nothing: raw rows.
  std::optional<store::Tier> tier_for(EntityKind kind) const;
  Shape const& add_shape(MatchedLeaf const& leaf);
  // What LeafReading wants.
  bool of_same_rows(std::size_t a, std::size_t b) const;
  bool is_plain(std::size_t place) const;
  bool is_like(std::size_t a, std::size_t b) const;
  std::string path(std::size_t place) const { return (*leaves_)[place].path(); }
  std::string const& pattern() const { return pattern_; }
  graphite::QueryBudget* budget() const { return window_.budget; }

  store::Store const& store_;
  PathIndex const& index_;
  MatchedLeaves const leaves_;
  std::string const pattern_;
  graphite::Window const window_;
  std::vector<StepShape> steps_;
  std::vector<std::size_t> shapes_;  // of each leaf, among them
};

}  // namespace dadvisor::aggregator::series
