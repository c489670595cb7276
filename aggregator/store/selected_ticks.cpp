#include "aggregator/store/selected_ticks.hpp"

namespace dadvisor::aggregator::store {

std::span<TickNs const> SelectedTicks::list() const {
  if (!listed_) {
    list_.clear();
    if (!empty()) ticks_.append_to(list_, 0, size());
    listed_ = true;
  }
  return list_;
}

void SelectedTicks::clear() {
  ticks_.clear();
  listed_ = false;
}

void SelectedTicks::append(RowTicks const& more, std::size_t first, std::size_t last) {
  ticks_.append(more, first, last);
  listed_ = false;
}

void SelectedTicks::append(std::span<TickNs const> more) {
  if (more.empty()) return;
  append(RowTicks(more), 0, more.size());
}

void SelectedTicks::cut(std::size_t row) {
  ticks_.cut(row);
  listed_ = false;
}

void SelectedTicks::assign(std::span<TickNs const> ticks) {
  clear();
  append(ticks);
}

}  // namespace dadvisor::aggregator::store
