#include "aggregator/store/row_ticks.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace dadvisor::aggregator::store {

RowTicks::RowTicks(std::span<TickNs const> ticks) : first_(ticks.front()), size_(ticks.size()) {
  // Steps of what is damaged may be any: unsigned, they wrap.
  auto const step = [&](std::size_t row) {
    return static_cast<std::uint64_t>(ticks[row]) - static_cast<std::uint64_t>(ticks[row - 1]);
  };
  bool even = true;
  for (std::size_t row = 2; row < ticks.size(); ++row) even = even && step(row) == step(1);
  if (even && ticks.size() > 1) step_ = static_cast<TickNs>(step(1));
  // So many steps as there are must be a number of nanoseconds, too.
  auto const all = static_cast<std::uint64_t>(ticks.back()) - static_cast<std::uint64_t>(first_);
  // Of what is damaged they may go round all of time, or stand still.
  std::size_t const steps = ticks.size() - 1;
  bool const few =
      steps == 0 || (step_ > 0 && static_cast<std::uint64_t>(step_) <= INT64_MAX / steps);
  if (!even || !few || all > INT64_MAX) listed_.assign(ticks.begin(), ticks.end());
}

void RowTicks::append(TickNs tick) {
  auto const since = [&](TickNs before) {
    return static_cast<std::uint64_t>(tick) - static_cast<std::uint64_t>(before);
  };
  if (empty()) {
    first_ = tick;
  } else if (listed_.empty() && since(first_) <= INT64_MAX &&
             (size_ == 1 || since(back()) == static_cast<std::uint64_t>(step_))) {
    step_ = static_cast<TickNs>(since(back()));
  } else {
    if (listed_.empty()) {
      std::vector<TickNs> all;
      append_to(all, 0, size_);
      listed_ = std::move(all);
    }
    listed_.push_back(tick);
  }
  ++size_;
}

void RowTicks::append(RowTicks const& more, std::size_t first, std::size_t last) {
  std::size_t const rows = last - first;
  if (listed_.empty() && more.listed_.empty()) {
    auto const apart = [](TickNs tick, TickNs before) {
      return static_cast<std::uint64_t>(tick) - static_cast<std::uint64_t>(before);
    };
    TickNs const front = more[first];
    if (empty()) {
      first_ = front;
      step_ = more.step_;
      size_ = rows;
      return;
    }
    auto const gap = apart(front, back());
    if (front > back() && apart(more[last - 1], first_) <= INT64_MAX &&
        (size_ == 1 || gap == static_cast<std::uint64_t>(step_)) &&
        (rows == 1 || gap == static_cast<std::uint64_t>(more.step_))) {
      step_ = static_cast<TickNs>(gap);
      size_ += rows;
      return;
    }
  }
  if (listed_.empty() && !empty()) {
    std::vector<TickNs> all;
    append_to(all, 0, size_);
    listed_ = std::move(all);
  }
  more.append_to(listed_, first, last);
  size_ += rows;
}

void RowTicks::cut(std::size_t row) {
  size_ = row;
  if (!listed_.empty()) listed_.resize(row);
}

void RowTicks::drop_newest() {
  --size_;
  if (!listed_.empty()) listed_.pop_back();
}

void RowTicks::drop_oldest(std::size_t rows) {
  if (rows == size_) {
    *this = RowTicks();
  } else if (!listed_.empty()) {
    *this = RowTicks(std::span(listed_).subspan(rows));  // which may be evenly spaced
  } else {
    first_ = (*this)[rows];
    size_ -= rows;
  }
}

std::size_t RowTicks::at_or_behind(TickNs tick) const {
  if (!listed_.empty())
    return static_cast<std::size_t>(std::ranges::lower_bound(listed_, tick) - listed_.begin());
  if (tick <= first_) return 0;
  auto const since = static_cast<std::uint64_t>(tick) - static_cast<std::uint64_t>(first_);
  return std::min<std::uint64_t>(size_, (since - 1) / static_cast<std::uint64_t>(step_) + 1);
}

std::size_t RowTicks::behind(TickNs tick) const {
  if (!listed_.empty())
    return static_cast<std::size_t>(std::ranges::upper_bound(listed_, tick) - listed_.begin());
  if (empty() || tick < first_) return 0;
  if (tick >= back()) return size_;
  auto const since = static_cast<std::uint64_t>(tick) - static_cast<std::uint64_t>(first_);
  return since / static_cast<std::uint64_t>(step_) + 1;
}

void RowTicks::append_to(std::vector<TickNs>& out, std::size_t first, std::size_t last) const {
  if (!listed_.empty()) {
    auto const begin = listed_.begin();
    out.insert(out.end(), begin + static_cast<std::ptrdiff_t>(first),
               begin + static_cast<std::ptrdiff_t>(last));
    return;
  }
  std::size_t const before = out.size();
  out.resize(before + last - first);
  TickNs* const into = out.data() + before;
  std::uint64_t tick = static_cast<std::uint64_t>((*this)[first]);
  for (std::size_t row = 0; row < last - first; ++row, tick += static_cast<std::uint64_t>(step_))
    into[row] = static_cast<TickNs>(tick);
}

}  // namespace dadvisor::aggregator::store
