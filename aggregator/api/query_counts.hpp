#pragma once
// What became of queries that got no answer. Any thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "common/core/result.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::aggregator::api {

class QueryCounts {
 public:
  // A query that failed: counted when it was over a limit, or when its client had gone.
  void add(Error const& error) {
    if (error.code == Errc::gone) return add_abandoned();
    if (error.limit == nullptr) return;
    for (std::size_t i = 0; i < refused_.size(); ++i)
      if (std::string_view(error.limit) == graphite::query_limit::all[i]) ++refused_[i];
  }
  void add_abandoned() { ++abandoned_; }

  // By the limit's place in graphite::query_limit::all.
  std::uint64_t refused(std::size_t limit) const { return refused_[limit]; }
  std::uint64_t abandoned() const { return abandoned_; }

 private:
  std::array<std::atomic<std::uint64_t>, std::size(graphite::query_limit::all)> refused_{};
  std::atomic<std::uint64_t> abandoned_{0};
};

}  // namespace dadvisor::aggregator::api
