#include "aggregator/store/rows.hpp"

#include <algorithm>

namespace dadvisor::aggregator::store {
namespace {

template <typename T>
void insert_gap(std::vector<T>& values, std::size_t at, std::size_t count) {
  if (at == values.size()) return values.resize(at + count);
  values.insert(values.begin() + static_cast<std::ptrdiff_t>(at), count, T{});
}

}  // namespace

std::size_t Rows::find(TickNs tick) const {
  return static_cast<std::size_t>(std::lower_bound(ticks_.begin(), ticks_.end(), tick) -
                                  ticks_.begin());
}

void Rows::insert(std::size_t at, TickNs tick) {
  insert_gap(present_, at * words(), words());
  insert_gap(values_, at * columns_.size(), columns_.size());
  ticks_.insert(ticks_.begin() + static_cast<std::ptrdiff_t>(at), tick);
}

void Rows::clear_cells(std::size_t row) {
  std::fill_n(present_.begin() + static_cast<std::ptrdiff_t>(row * words()), words(), 0);
  std::fill_n(values_.begin() + static_cast<std::ptrdiff_t>(row * columns_.size()), columns_.size(),
              0);
}

void Rows::widen(std::span<MetricId const> columns) {
  std::vector<MetricId> merged;
  std::set_union(columns_.begin(), columns_.end(), columns.begin(), columns.end(),
                 std::back_inserter(merged));
  if (merged.size() == columns_.size()) return;
  Rows wide(std::move(merged));
  for (std::size_t row = 0; row < size(); ++row) wide.append(*this, row);
  *this = std::move(wide);
}

void Rows::append(Rows const& other, std::size_t row) {
  std::size_t const at = size();
  insert(at, other.ticks_[row]);
  std::size_t column = 0;
  for (std::size_t from = 0; from < other.columns_.size(); ++from) {
    if (!other.has(row, from)) continue;
    while (columns_[column] < other.columns_[from]) ++column;
    set(at, column, other.value(row, from));
  }
}

}  // namespace dadvisor::aggregator::store
