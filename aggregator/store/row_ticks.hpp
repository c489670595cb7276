#pragma once
// The ticks of the rows of a block, or of open rows. Nearly always they are evenly spaced: then
// only the first and the step are kept, and where a query's rows begin is no search. A value.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "aggregator/store/rows.hpp"

namespace dadvisor::aggregator::store {

class RowTicks {
 public:
  RowTicks() = default;
  explicit RowTicks(std::span<TickNs const> ticks);  // ascending, not none

  void append(TickNs tick);  // behind all others
  // Rows [first, last), not none, of others, wherever they lie. Of ticks that do not ascend nothing
  // can be asked but each one, and their number.
  void append(RowTicks const& more, std::size_t first, std::size_t last);
  void cut(std::size_t row);  // takes back rows from here on
  void clear() { cut(0); }
  void drop_newest();                  // there must be one
  void drop_oldest(std::size_t rows);  // so many must be there

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  TickNs front() const { return first_; }
  TickNs back() const { return (*this)[size_ - 1]; }
  // What lies between each two, of which there must be some; nothing: it is not the same, mostly.
  std::optional<TickNs> step() const {
    return listed_.empty() ? std::optional(step_) : std::nullopt;
  }
  TickNs operator[](std::size_t row) const {
    return listed_.empty() ? first_ + step_ * static_cast<TickNs>(row) : listed_[row];
  }
  // The first row that is not before `tick`; size() where all are.
  std::size_t at_or_behind(TickNs tick) const;
  // The first row behind it.
  std::size_t behind(TickNs tick) const;
  // Appends those of rows [first, last).
  void append_to(std::vector<TickNs>& out, std::size_t first, std::size_t last) const;
  // What the list takes beside this.
  std::size_t listed_bytes() const { return listed_.capacity() * sizeof(TickNs); }

 private:
  TickNs first_ = 0, step_ = 1;
  std::size_t size_ = 0;
  std::vector<TickNs> listed_;  // where they are not evenly spaced
};

}  // namespace dadvisor::aggregator::store
