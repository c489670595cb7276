#pragma once
// What the last patterns matched, which the panels of a dashboard ask again and again. Bounded by
// how much is kept in all. Any thread.

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dadvisor::aggregator::series {

template <typename Match>
class KnownMatches {
 public:
  using Matches = std::shared_ptr<std::vector<Match> const>;

  explicit KnownMatches(std::size_t most_kept) : most_kept_(most_kept) {}

  // Null: it is not known.
  Matches find(std::string const& pattern) {
    std::lock_guard const lock(mutex_);
    auto const found = std::ranges::find(known_, pattern, &Known::pattern);
    if (found == known_.end()) return nullptr;
    known_.splice(known_.begin(), known_, found);
    return found->matches;
  }
  // Those that were not asked for the longest make room for it.
  void keep(std::string const& pattern, Matches matches) {
    std::lock_guard const lock(mutex_);
    known_.push_front({pattern, std::move(matches)});
    std::size_t kept = 0;
    for (auto one = known_.begin(); one != known_.end();) {
      kept += one->matches->size() + 1;
      one = kept > most_kept_ ? known_.erase(one) : std::next(one);
    }
  }
  void clear() {
    std::lock_guard const lock(mutex_);
    known_.clear();
  }

 private:
  struct Known {
    std::string pattern;
    Matches matches;
  };

  std::size_t const most_kept_;
  std::mutex mutex_;
  std::list<Known> known_;  // the last one that was asked for in front
};

}  // namespace dadvisor::aggregator::series
