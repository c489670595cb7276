#pragma once
// The ticks of rows that a query reads. Nearly always all of them are evenly spaced, whatever they
// come from: then they are told by three numbers, and a list is made of them where somebody wants
// one alone. Not thread-safe, not even to look at.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/store/row_ticks.hpp"

namespace dadvisor::aggregator::store {

class SelectedTicks {
 public:
  std::size_t size() const { return ticks_.size(); }
  bool empty() const { return ticks_.empty(); }
  TickNs front() const { return ticks_.front(); }
  TickNs back() const { return ticks_.back(); }
  TickNs operator[](std::size_t row) const { return ticks_[row]; }
  // What lies between each two of them; nothing: it is not the same, or there are no two.
  std::optional<TickNs> step() const { return size() < 2 ? std::nullopt : ticks_.step(); }
  // All of them; valid until they change.
  std::span<TickNs const> list() const;
  operator std::span<TickNs const>() const { return list(); }

  void clear();
  void append(RowTicks const& more, std::size_t first, std::size_t last);  // not none
  void append(std::span<TickNs const> more);
  void append(SelectedTicks const& more) { append(more.ticks_, 0, more.size()); }
  void cut(std::size_t row);  // takes back those from here on
  void assign(std::span<TickNs const> ticks);

 private:
  RowTicks ticks_;
  mutable std::vector<TickNs> list_;
  mutable bool listed_ = false;  // whether that is them
};

}  // namespace dadvisor::aggregator::store
