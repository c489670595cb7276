#include "aggregator/rollup/column_rates.hpp"

#include "common/core/two_lanes.hpp"

namespace dadvisor::aggregator::rollup {

bool plain_rates(std::span<std::int64_t const> values, double seconds, std::span<double> rates) {
  TwoWords beyond{};
  std::size_t row = 1;
  for (; row + 1 < values.size(); row += 2) {
    auto const before = std::bit_cast<TwoWords>(two_at<TwoIntegers>(values.data() + row - 1));
    auto const now = std::bit_cast<TwoWords>(two_at<TwoIntegers>(values.data() + row));
    TwoWords const step = now - before;  // which wraps
    // Of a reading or a step below 0 the highest bits are set.
    beyond |= (before | step) >> 63 | step >> 51;
    put_two(doubles_of(std::bit_cast<TwoIntegers>(step)) / seconds, rates.data() + row);
  }
  for (; row < values.size(); ++row) {
    std::int64_t const before = values[row - 1], now = values[row];
    if (before < 0 || now < before) return false;
    rates[row] = static_cast<double>(now - before) / seconds;
  }
  return any_of(beyond) == 0;
}

}  // namespace dadvisor::aggregator::rollup
