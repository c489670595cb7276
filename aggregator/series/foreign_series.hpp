#pragma once
// Series of matched foreign leaves over a window, read out of the store when they are asked for:
// what LeafSeries is for those of agents. How each is shown: foreign_values.hpp.

#include <memory>
#include <string>
#include <vector>

#include "aggregator/series/foreign_values.hpp"
#include "aggregator/series/path_index.hpp"
#include "aggregator/store/store.hpp"
#include "graphite-bridge/query_budget.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::series {

template <typename Own>
class LeafReading;

class ForeignSeries final : public graphite::MatchedSeries {
 public:
  // Those of `leaves` that have an archive for the window, by path. The store must outlive it.
  // Errors: too_large (more than `most_values` in all series), here and of all that reads those of
  // the window's budget, which what is taken is charged to.
  static Result<std::unique_ptr<ForeignSeries>> make(store::Store const& store,
                                                     graphite::CarbonFiles const& files,
                                                     std::vector<MatchedLeaf> leaves,
                                                     std::string_view pattern,
                                                     graphite::Window const& window,
                                                     std::size_t most_values);

  std::size_t size() const override { return leaves_.size(); }
  Shape shape(std::size_t place) const override;
  Result<void> each(Visitor const& visit) const override;
  Result<std::vector<graphite::Series>> take(std::span<std::size_t const> places) const override;
  Result<std::vector<graphite::Series>> take_all() const;

 private:
  class Reader;
  friend class LeafReading<ForeignSeries>;
  struct OwnLeaf {
    MembersPtr members;
    store::EntityInfo const* entity;  // of the members
    std::uint32_t column;
    std::string path;
    ForeignGrid grid;
  };

  ForeignSeries(store::Store const& store, std::string_view pattern, graphite::QueryBudget* budget)
      : store_(store), pattern_(pattern), budget_(budget) {}
  // What LeafReading wants.
  bool of_same_rows(std::size_t a, std::size_t b) const;
  bool is_plain(std::size_t place) const;
  bool is_like(std::size_t a, std::size_t b) const;
  std::string const& path(std::size_t place) const { return leaves_[place].path; }
  std::string const& pattern() const { return pattern_; }
  graphite::QueryBudget* budget() const { return budget_; }

  store::Store const& store_;
  std::string const pattern_;
  graphite::QueryBudget* const budget_;
  std::vector<OwnLeaf> leaves_;
};

}  // namespace dadvisor::aggregator::series
