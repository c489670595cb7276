#include "aggregator/store/column_rests.hpp"

#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "aggregator/store/wrapping.hpp"

namespace dadvisor::aggregator::store {
namespace {

#if defined(__x86_64__)
bool has_vectors() {
  static bool const has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

// Four rests at a time.
constexpr std::size_t together = 4;

// What is the same of all rests of a column.
struct VectorForm {
  bool const centred, divided, shifted;
  __m256i const base, divisor;
  __m128i const shift;  // of a divisor that is a power of two, as those of doubles are

  __attribute__((target("avx2"))) explicit VectorForm(RestForm const& form)
      : centred(form.centred),
        divided(form.divisor != 1),
        shifted(std::has_single_bit(form.divisor)),
        base(_mm256_set1_epi64x(static_cast<std::int64_t>(form.base))),
        divisor(_mm256_set1_epi64x(static_cast<std::int64_t>(form.divisor))),
        shift(_mm_cvtsi32_si128(std::countr_zero(form.divisor))) {}
};

__attribute__((target("avx2"))) inline __m256i steps_of(VectorForm const& form,
                                                        std::uint64_t const* rests) {
  __m256i made = _mm256_loadu_si256(reinterpret_cast<__m256i const*>(rests));
  if (form.centred) {
    __m256i const sign =
        _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(made, _mm256_set1_epi64x(1)));
    made = _mm256_xor_si256(_mm256_srli_epi64(made, 1), sign);
  }
  made = _mm256_add_epi64(made, form.base);
  if (!form.divided) return made;
  if (form.shifted) return _mm256_sll_epi64(made, form.shift);
  // The lower word of a product, of those of halves.
  __m256i const high =
      _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(made, 32), form.divisor),
                       _mm256_mul_epu32(made, _mm256_srli_epi64(form.divisor, 32)));
  return _mm256_add_epi64(_mm256_mul_epu32(made, form.divisor), _mm256_slli_epi64(high, 32));
}

__attribute__((target("avx2"))) inline void put(__m256i made, std::int64_t* values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(values), made);
}

// As many as are whole vectors; `value` becomes the last of them.
__attribute__((target("avx2"))) std::size_t add_up_vectors(VectorForm const& form,
                                                           std::span<std::uint64_t const> rests,
                                                           std::int64_t& value,
                                                           std::int64_t* values) {
  std::size_t const whole = rests.size() / together * together;
  __m256i before = _mm256_set1_epi64x(value);
  for (std::size_t i = 0; i < whole; i += together) {
    __m256i sums = steps_of(form, rests.data() + i);
    sums = _mm256_add_epi64(sums, _mm256_slli_si256(sums, 8));   // within each half
    __m256i const lower = _mm256_permute4x64_epi64(sums, 0x50);  // its sum, for the upper half
    sums = _mm256_add_epi64(sums, _mm256_blend_epi32(_mm256_setzero_si256(), lower, 0xf0));
    sums = _mm256_add_epi64(sums, before);
    before = _mm256_permute4x64_epi64(sums, 0xff);
    put(sums, values + i);
  }
  if (whole > 0) value = values[whole - 1];
  return whole;
}

__attribute__((target("avx2"))) std::size_t add_each_vector(VectorForm const& form,
                                                            std::span<std::uint64_t const> rests,
                                                            std::int64_t from,
                                                            std::int64_t* values) {
  std::size_t const whole = rests.size() / together * together;
  __m256i const start = _mm256_set1_epi64x(from);
  for (std::size_t i = 0; i < whole; i += together)
    put(_mm256_add_epi64(start, steps_of(form, rests.data() + i)), values + i);
  return whole;
}

// As many as are whole vectors, from the last one on.
__attribute__((target("avx2"))) std::size_t turn_vectors_round(std::span<std::int64_t const> values,
                                                               bool negated, std::int64_t* into) {
  std::size_t const whole = values.size() / together * together;
  __m256i const zero = _mm256_setzero_si256();
  auto const* from = values.data() + values.size();
  for (std::size_t i = 0; i < whole; i += together) {
    from -= together;
    __m256i made =
        _mm256_permute4x64_epi64(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(from)), 0x1b);
    if (negated) made = _mm256_sub_epi64(zero, made);
    put(made, into + i);
  }
  return whole;
}
#endif

}  // namespace

std::int64_t add_up(RestForm const& form, std::span<std::uint64_t const> rests, std::int64_t before,
                    std::int64_t* values) {
  std::size_t i = 0;
#if defined(__x86_64__)
  if (has_vectors()) i = add_up_vectors(VectorForm(form), rests, before, values);
#endif
  for (; i < rests.size(); ++i) values[i] = before = plus(before, form.step(rests[i]));
  return before;
}

void add_each(RestForm const& form, std::span<std::uint64_t const> rests, std::int64_t from,
              std::int64_t* values) {
  std::size_t i = 0;
#if defined(__x86_64__)
  if (has_vectors()) i = add_each_vector(VectorForm(form), rests, from, values);
#endif
  for (; i < rests.size(); ++i) values[i] = plus(from, form.step(rests[i]));
}

void turn_round(std::span<std::int64_t const> values, bool negated, std::int64_t* into) {
  std::size_t i = 0;
#if defined(__x86_64__)
  if (has_vectors()) i = turn_vectors_round(values, negated, into);
#endif
  for (; i < values.size(); ++i) {
    auto const value = values[values.size() - 1 - i];
    into[i] = negated ? minus(0, value) : value;
  }
}

}  // namespace dadvisor::aggregator::store
