#include "aggregator/store/column.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

#include "aggregator/store/packed_integers.hpp"
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
constexpr std::uint8_t divided_flag = 0x08;  // rests are in units of a common divisor
constexpr std::uint8_t centred_flag = 0x10;  // rests are zigzag about a base, else above it
constexpr std::uint8_t whole_flag = 0x20;    // doubles that are whole numbers: as integers
constexpr std::uint8_t summed_flag = 0x40;   // what the rests are in all stands in front of them

// Shorter columns are tried in two ways alone: the others save no more than they cost, a byte.
constexpr std::size_t long_column = 24;
// Of longer ones queries want the end, mostly: the sum of their rests, some bytes, lets them be
// read from there.
constexpr std::size_t summed_column = 128;
// Integers that need so many bits a step are rare, doubles that need fewer too.
constexpr std::uint64_t noisy_bits = 20;

constexpr std::uint8_t known_flags =
    kind_mask | divided_flag | centred_flag | whole_flag | summed_flag;

// All wrap, as counters and bit patterns do.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
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
  double sum = 0;
  for (std::int64_t const value : values) sum += static_cast<double>(value);
  double const mean = sum / static_cast<double>(values.size());
  constexpr double most = 9.2e18;
  return static_cast<std::int64_t>(std::clamp(mean, -most, most));
}

struct Significant {  // the bytes of a word between its zero bytes at either end
  unsigned skipped = 0, count = 0;
};
Significant significant(std::uint64_t word) {
  if (word == 0) return {};
  auto const low = static_cast<unsigned>(std::countr_zero(word)) / 8;
  auto const high = static_cast<unsigned>(std::countl_zero(word)) / 8;
  return {low, 8 - low - high};
}
std::uint64_t bits_of_difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) ^ static_cast<std::uint64_t>(b);
}

std::uint64_t exclusive_or_bits(std::span<std::int64_t const> values) {
  std::uint64_t bytes = 8;
  for (std::size_t i = 1; i < values.size(); ++i)
    bytes += 1 + significant(bits_of_difference(values[i], values[i - 1])).count;
  return 8 * bytes;
}

void write_exclusive_or(std::span<std::int64_t const> values, ByteWriter& writer) {
  writer.u64(static_cast<std::uint64_t>(values[0]));
  for (std::size_t i = 1; i < values.size(); ++i) {
    auto word = bits_of_difference(values[i], values[i - 1]);
    auto const [skipped, count] = significant(word);
    writer.u8(static_cast<std::uint8_t>(skipped << 4 | count));
    for (word >>= 8 * (skipped % 8); word != 0; word >>= 8)
      writer.u8(static_cast<std::uint8_t>(word));
  }
}

bool read_exclusive_or(ByteReader& reader, std::span<std::int64_t> values) {
  auto last = static_cast<std::int64_t>(reader.u64());
  values[0] = last;
  for (std::size_t i = 1; i < values.size(); ++i) {
    unsigned const shape = reader.u8();
    unsigned const skipped = shape >> 4, bytes = shape & 15;
    if (skipped + bytes > 8) return false;
    std::uint64_t word = 0;
    for (unsigned byte = 0; byte < bytes; ++byte)
      word |= static_cast<std::uint64_t>(reader.u8()) << (8 * (skipped + byte));
    last ^= static_cast<std::int64_t>(word);
    values[i] = last;
  }
  return reader.ok() && reader.left() == 0;
}

std::uint64_t sum_of(std::span<std::uint64_t const> rests, bool centred) {
  std::uint64_t sum = 0;
  if (centred)
    for (std::uint64_t const rest : rests) sum += static_cast<std::uint64_t>(unzigzag(rest));
  else
    for (std::uint64_t const rest : rests) sum += rest;
  return sum;
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
  auto const written = values;
  if (auto const wholes = find_wholes(values); !wholes.empty()) {
    values = wholes;
    flags |= whole_flag;
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
      exclusive_or_bits(written) < best.bits) {
    write_exclusive_or(written, writer);
    return exclusive_or;
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
  if (best.kind == delta && values.size() >= summed_column && effort_ == Effort::thorough) {
    flags |= summed_flag;
    auto const all = sum_of(packed, best.centred);
    writer.varint(best.centred ? zigzag(static_cast<std::int64_t>(all)) : all);
  }
  pack_integers(packed, out);
  return static_cast<std::uint8_t>(best.kind | flags);
}

bool ColumnDecoder::decode(std::uint8_t coding, std::string_view payload,
                           std::span<std::int64_t> values, std::size_t wanted, std::size_t end) {
  ByteReader reader(payload);
  if ((coding & ~known_flags) != 0) return false;
  auto const kind = static_cast<Kind>(coding & kind_mask);
  if (kind == exclusive_or) return coding == exclusive_or && read_exclusive_or(reader, values);
  if (kind > exclusive_or) return false;
  auto const first = unzigzag(reader.varint());
  if (kind == same) {
    std::fill(values.begin(), values.end(), first);
    return coding == same && reader.ok() && reader.left() == 0;
  }
  std::size_t const before = kind == delta_of_delta ? 2 : 1;
  bool const centred = (coding & centred_flag) != 0, summed = (coding & summed_flag) != 0;
  if (values.size() < 2 || (summed && kind != delta)) return false;
  auto const divisor = coding & divided_flag ? static_cast<std::int64_t>(reader.varint()) : 1;
  auto const base = unzigzag(reader.varint());  // of a delta of delta: the first delta
  auto sum = summed ? reader.varint() : 0;
  if (centred) sum = static_cast<std::uint64_t>(unzigzag(sum));
  if (!reader.ok()) return false;
  auto const packed = reader.raw(reader.left());
  auto const shown = values.subspan(wanted, end - wanted);
  if (kind == delta && are_zeros(packed, values.size() - before)) {
    // Ticks, mostly: each as far from the one before.
    auto const step = static_cast<std::uint64_t>(base) * static_cast<std::uint64_t>(divisor);
    for (std::size_t i = wanted; i < end; ++i)
      values[i] = plus(first, static_cast<std::int64_t>(step * i));
    if (coding & whole_flag) show_wholes(shown);
    return true;
  }
  auto const rests = values.subspan(before);
  if (packed_.size() < rests.size()) packed_.resize(rests.size());
  auto const unpacked = std::span(packed_).first(rests.size());
  // The rests that are shown, in [begin, last). Those of which the sum is known are taken back from
  // it where that is the shorter way.
  std::size_t const begin = wanted > before ? wanted - before : 0;
  std::size_t const last = end > before ? end - before : 0;
  bool const back = summed && rests.size() - begin < last;
  bool const all = begin == 0 && last == rests.size();
  if (!(all    ? unpack_integers(packed, unpacked)
        : back ? unpack_integers(packed, unpacked, begin, rests.size())
               : unpack_integers(packed, unpacked, kind == plain ? begin : 0, last)))
    return false;
  auto const added = static_cast<std::uint64_t>(kind == delta_of_delta ? 0 : base);
  auto const times = static_cast<std::uint64_t>(divisor);
  values[0] = first;
  std::int64_t step = 0;
  if (kind == delta_of_delta) {
    step = static_cast<std::int64_t>(static_cast<std::uint64_t>(base) * times);
    values[1] = plus(first, step);
  }
  // rest_of: the rest that one of the unpacked stands for.
  auto const write = [&](auto const& rest_of) {
    if (kind == plain) {
      for (std::size_t i = begin; i < last; ++i) rests[i] = plus(first, rest_of(unpacked[i]));
    } else if (kind == delta) {
      auto const passed = back ? sum - sum_of(unpacked.subspan(begin), centred)
                               : sum_of(unpacked.first(begin), centred);
      std::int64_t value = plus(first, static_cast<std::int64_t>((passed + added * begin) * times));
      for (std::size_t i = begin; i < last; ++i)
        rests[i] = value = plus(value, rest_of(unpacked[i]));
    } else {
      std::int64_t value = values[1];
      for (std::size_t i = 0; i < last; ++i) {
        step = plus(step, rest_of(unpacked[i]));
        rests[i] = value = plus(value, step);
      }
    }
  };
  // By value: what is stored could be what they refer to, for all that the compiler knows.
  auto const above = [added](std::uint64_t rest) { return rest + added; };
  auto const about = [added](std::uint64_t rest) {
    return static_cast<std::uint64_t>(unzigzag(rest)) + added;
  };
  // A loop for each way, so that none of them asks again for each value.
  auto const in_units = [&](auto const& rest_of) {
    if (times == 1)
      write([rest_of](std::uint64_t rest) { return static_cast<std::int64_t>(rest_of(rest)); });
    else
      write([rest_of, times](std::uint64_t rest) {
        return static_cast<std::int64_t>(rest_of(rest) * times);
      });
  };
  if (centred)
    in_units(about);
  else
    in_units(above);
  if (coding & whole_flag) show_wholes(shown);
  return true;
}

}  // namespace dadvisor::aggregator::store
