#include "aggregator/store/column.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <optional>
#include <utility>

#include "aggregator/store/bit_differences.hpp"
#include "aggregator/store/column_rests.hpp"
#include "aggregator/store/packed_integers.hpp"
#include "aggregator/store/wrapping.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

// What a value is foretold from. The rest, what it differs by, is packed.
enum Kind : std::uint8_t {
  same = 0,            // all are the same: one zigzag varint
  plain = 1,           // from the first
  delta = 2,           // from the one before
  delta_of_delta = 3,  // from the two before
  exclusive_or = 4,    // from the one before, by its bits: doubles that are no whole numbers
  kind_mask = 7,
};
constexpr std::uint8_t divided_flag = 0x08;   // rests are in units of a common divisor
constexpr std::uint8_t centred_flag = 0x10;   // rests are zigzag about a base, else above it
constexpr std::uint8_t whole_flag = 0x20;     // doubles that are whole numbers: as integers
constexpr std::uint8_t backward_flag = 0x40;  // the values stand in it the last first

// Shorter columns are tried in two ways alone: the others save no more than they cost, a byte.
constexpr std::size_t long_column = 24;
// Of longer ones queries want the end, mostly: so it stands in front, and they read no further.
constexpr std::size_t backward_column = 128;
// Integers that need so many bits a step are rare, doubles that need fewer too.
constexpr std::uint64_t noisy_bits = 20;

constexpr std::uint8_t known_flags =
    kind_mask | divided_flag | centred_flag | whole_flag | backward_flag;

std::int64_t negative(std::int64_t value) { return minus(0, value); }
std::uint64_t magnitude(std::int64_t value) {
  auto const bits = static_cast<std::uint64_t>(value);
  return value < 0 ? ~bits + 1 : bits;
}

// The whole number that these bits of a double are, if they are one that comes back bit by bit.
std::optional<std::int64_t> whole_number(std::int64_t bits) {
  constexpr double most = 9'007'199'254'740'992;  // 2^53
  // Bits of 0 < |value| < 1, which those of integers are nearly always.
  auto const size = static_cast<std::uint64_t>(bits) << 1;
  if (size != 0 && size < std::bit_cast<std::uint64_t>(1.0) << 1) return std::nullopt;
  double const value = std::bit_cast<double>(bits);
  if (!(value > -most && value < most)) return std::nullopt;
  auto const whole = static_cast<std::int64_t>(value);
  if (std::bit_cast<std::int64_t>(static_cast<double>(whole)) != bits) return std::nullopt;
  return whole;
}

// The greatest number that divides all differences; of noise it is 1 after two or three of them.
// Clocks that tick in microseconds or in 1/100 s, pages and blocks have one that saves their zeros.
// Divisions are exact, so they are multiplications by the inverse modulo 2^64 of the odd part
// (Warren, Hacker's Delight, 10-16); what is no multiple gives a quotient beyond the greatest.
class CommonDivisor {
 public:
  CommonDivisor(std::span<std::int64_t const> steps, bool any) {
    std::uint64_t bits = 0;
    for (std::int64_t const step : steps) bits |= static_cast<std::uint64_t>(step);
    shift_ = static_cast<unsigned>(std::countr_zero(bits));
    if (!any && !by_five(steps)) return;
    std::uint64_t odd = 0;
    for (std::int64_t const step : steps) {
      auto const size = magnitude(step) >> shift_;
      if (size == 0 || (odd != 0 && size * inverse_ <= most_)) continue;
      odd = std::gcd(size, odd);
      set_odd(odd >> std::countr_zero(odd));
      if (odd_ == 1) break;
      odd = odd_;
    }
  }
  bool is_one() const { return shift_ == 0 && odd_ == 1; }
  std::uint64_t value() const { return odd_ << shift_; }
  std::int64_t divide(std::int64_t multiple) const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(multiple >> shift_) * inverse_);
  }

 private:
  // Unless any is looked for, only units of the decimal kind are looked for, which all are
  // multiples of five: another divisor saves less than finding that there is none costs.
  bool by_five(std::span<std::int64_t const> steps) const {
    constexpr std::uint64_t inverse_of_five = 0xcccc'cccc'cccc'cccd;
    return std::ranges::all_of(steps, [&](std::int64_t step) {
      return (magnitude(step) >> shift_) * inverse_of_five <= ~std::uint64_t{0} / 5;
    });
  }
  void set_odd(std::uint64_t odd) {
    odd_ = odd;
    inverse_ = odd;  // right in the lowest three bits; each step doubles them
    for (int i = 0; i < 5; ++i) inverse_ *= 2 - odd * inverse_;
    most_ = ~std::uint64_t{0} / odd;
  }
  unsigned shift_ = 0;
  std::uint64_t odd_ = 1, inverse_ = 1, most_ = ~std::uint64_t{0};
};

std::int64_t mean(std::span<std::int64_t const> values) {
  // Four sums side by side: in one, each addition would wait for the one before.
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= values.size(); i += sums.size())
    for (std::size_t lane = 0; lane < sums.size(); ++lane)
      sums[lane] += static_cast<double>(values[i + lane]);
  for (; i < values.size(); ++i) sums[0] += static_cast<double>(values[i]);
  double const sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double const mean = sum / static_cast<double>(values.size());
  constexpr double most = 9.2e18;
  return static_cast<std::int64_t>(std::clamp(mean, -most, most));
}

// The values that are wanted of a column, where they come as they stand in it.
class Wanted {
 public:
  // [first, first + values.size()) of `rows`; `negated`: with the other sign.
  Wanted(std::size_t rows, std::size_t first, std::span<std::int64_t> values, bool backward,
         bool negated)
      : values_(values),
        backward_(backward),
        negated_(negated),
        begin_(backward ? rows - first - values.size() : first),
        end_(begin_ + values.size()) {}
  // Of what stands behind this place nothing is wanted.
  std::size_t end() const { return end_; }
  // These stand from place `at` on.
  void take(std::span<std::int64_t const> some, std::size_t at) const {
    std::size_t const from = std::max(at, begin_), until = std::min(at + some.size(), end_);
    if (from >= until) return;
    auto const its = some.subspan(from - at, until - from);
    if (!backward_) {
      std::ranges::copy(its, values_.data() + (from - begin_));
      return;
    }
    turn_round(its, negated_, values_.data() + (end_ - until));
  }

 private:
  std::span<std::int64_t> const values_;
  bool const backward_, negated_;
  std::size_t const begin_, end_;  // places
};

bool read_exclusive_or(std::string_view payload, std::size_t rows, Wanted const& wanted) {
  BitDifferences differences(payload);
  std::array<std::int64_t, packed_together> made;
  for (std::size_t at = 0; at < wanted.end(); at += made.size()) {
    auto const some = std::span(made).first(std::min(made.size(), wanted.end() - at));
    if (!differences.next(some)) return false;
    wanted.take(some, at);
  }
  return wanted.end() < rows || differences.at_end();
}

void show_wholes(std::span<std::int64_t> values) {
  for (std::int64_t& value : values)
    value = std::bit_cast<std::int64_t>(static_cast<double>(value));
}

// A way to write a column's steps, and about what it costs.
struct Prediction {
  Kind kind = delta;
  bool centred = false;
  std::int64_t base = 0;
  std::uint64_t bits = ~std::uint64_t{0};
};

}  // namespace

std::span<std::int64_t const> ColumnEncoder::find_wholes(std::span<std::int64_t const> values) {
  auto const wholes = wholes_.of(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto const whole = whole_number(values[i]);
    if (!whole) return {};
    wholes[i] = *whole;
  }
  return wholes;
}

std::uint8_t ColumnEncoder::encode(std::span<std::int64_t const> values, std::string& out) {
  ByteWriter writer(out);
  if (std::all_of(values.begin() + 1, values.end(),
                  [&](std::int64_t value) { return value == values[0]; })) {
    writer.varint(zigzag(values[0]));
    return same;
  }
  std::uint8_t flags = 0;
  if (values.size() >= backward_column && effort_ == Effort::thorough) {
    auto const turned = backward_.of(values.size());
    std::ranges::reverse_copy(values, turned.begin());
    values = turned;
    flags |= backward_flag;
  }
  auto const written = values;
  if (auto const wholes = find_wholes(values); !wholes.empty()) {
    values = wholes;
    flags |= whole_flag;
  }
  if ((flags & backward_flag) != 0) {
    // Backward, a counter falls. With the other sign its steps stay above the least one, and the
    // few great ones are patches.
    auto const negated = negated_.of(values.size());
    std::ranges::transform(values, negated.begin(), negative);
    values = negated;
  }
  std::size_t const steps = values.size() - 1;
  auto const differences = steps_.of(steps), sums = sums_.of(steps);
  std::span<std::int64_t> changes;
  for (std::size_t i = 0; i < steps; ++i) differences[i] = minus(values[i + 1], values[i]);
  bool const all_ways = steps >= long_column && effort_ == Effort::thorough;
  CommonDivisor const divisor(differences, all_ways);
  if (!divisor.is_one()) {
    flags |= divided_flag;
    for (std::int64_t& step : differences) step = divisor.divide(step);
  }
  std::int64_t sum = 0, least_step = differences[0], least_sum = differences[0];
  for (std::size_t i = 0; i < steps; ++i) {
    sums[i] = sum = plus(sum, differences[i]);
    least_step = std::min(least_step, differences[i]);
    least_sum = std::min(least_sum, sum);
  }

  Prediction best;
  auto const attempt = [&](Kind kind, std::span<std::int64_t const> rests, bool centred,
                           std::int64_t base) {
    auto const rest_of = [&](std::size_t i) {
      auto const rest = minus(rests[i], base);
      return centred ? zigzag(rest) : static_cast<std::uint64_t>(rest);
    };
    auto const bits = packed_bits_estimate(rests.size(), rest_of);
    if (bits < best.bits) best = {kind, centred, base, bits};
  };
  attempt(delta, differences, false, least_step);
  attempt(plain, sums, false, least_sum);
  if (all_ways) {
    attempt(delta, differences, true, mean(differences));
    attempt(plain, sums, true, mean(sums));
    changes = changes_.of(steps - 1);
    for (std::size_t i = 0; i + 1 < steps; ++i)
      changes[i] = minus(differences[i + 1], differences[i]);
    attempt(delta_of_delta, changes, true, 0);
  }
  if ((flags & whole_flag) == 0 && best.bits > steps * noisy_bits &&
      bit_differences_size(written) < best.bits) {
    write_bit_differences(written, writer);
    return static_cast<std::uint8_t>(exclusive_or | (flags & backward_flag));
  }
  if (best.centred) flags |= centred_flag;
  writer.varint(zigzag(values[0]));
  if (flags & divided_flag) writer.varint(divisor.value());
  writer.varint(zigzag(best.kind == delta_of_delta ? differences[0] : best.base));
  auto const& rests = best.kind == plain ? sums : best.kind == delta ? differences : changes;
  auto const packed = rests_.of(rests.size());
  for (std::size_t i = 0; i < rests.size(); ++i) {
    auto const rest = minus(rests[i], best.base);
    packed[i] = best.centred ? zigzag(rest) : static_cast<std::uint64_t>(rest);
  }
  pack_integers(packed, out);
  return static_cast<std::uint8_t>(best.kind | flags);
}

bool decode_column(std::uint8_t coding, std::string_view payload, std::size_t rows,
                   std::size_t first, std::span<std::int64_t> values) {
  ByteReader reader(payload);
  if ((coding & ~known_flags) != 0) return false;
  auto const kind = static_cast<Kind>(coding & kind_mask);
  bool const backward = (coding & backward_flag) != 0;
  Wanted const wanted(rows, first, values, backward, backward && kind != exclusive_or);
  if (kind == exclusive_or)
    return (coding & ~backward_flag) == exclusive_or && read_exclusive_or(payload, rows, wanted);
  if (kind > exclusive_or) return false;
  auto value = unzigzag(reader.varint());
  if (kind == same) {
    std::ranges::fill(values, value);
    return coding == same && reader.ok() && reader.left() == 0;
  }
  std::size_t at = kind == delta_of_delta ? 2 : 1;  // the place of what the first rest tells
  if (rows < 2) return false;
  RestForm form;
  form.centred = (coding & centred_flag) != 0;
  if (coding & divided_flag) form.divisor = reader.varint();
  form.base = static_cast<std::uint64_t>(unzigzag(reader.varint()));
  if (!reader.ok()) return false;
  wanted.take({&value, 1}, 0);
  std::int64_t step = 0;  // of a delta of delta
  if (kind == delta_of_delta) {
    step = static_cast<std::int64_t>(std::exchange(form.base, 0) * form.divisor);
    value = plus(value, step);
    wanted.take({&value, 1}, 1);
  }
  PackedIntegers packed(reader.raw(reader.left()), rows - at);
  // Eight mini-blocks at once: what is to be done for some costs as much as for a few.
  std::array<std::uint64_t, 8 * packed_together> rests;
  std::array<std::int64_t, rests.size()> made;
  while (at < wanted.end()) {
    auto const blocks = (wanted.end() - at + packed_together - 1) / packed_together;
    std::size_t const size =
        packed.next(std::span(rests).first(std::min(blocks * packed_together, rests.size())));
    if (size == 0) return false;
    auto const some = std::span(rests).first(size);
    if (kind == plain) {
      add_each(form, some, value, made.data());
    } else if (kind == delta) {
      value = add_up(form, some, value, made.data());
    } else {
      step = add_up(form, some, step, made.data());
      for (std::size_t i = 0; i < size; ++i) made[i] = value = plus(value, made[i]);
    }
    wanted.take(std::span(made).first(size), at);
    at += size;
  }
  if (coding & whole_flag) show_wholes(values);
  return at < rows || packed.ended();
}

}  // namespace dadvisor::aggregator::store
