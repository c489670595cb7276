// What differs, for each word of the bitmap (64 columns) after the other:
//
//   u8    1: the two rows do not have the same cells; 0: they do
//   u64   where they do not: the bitmap of the row before
//   bits  a bit per column: its value is another; whole bytes
//   4 bits for each of those, whole bytes:
//           0-7   the step's zigzag stands in 1-8 bytes
//           8-15  the step itself, without its 1-8 lowest bytes, which are 0
//   the bytes of each, little-endian
//
// The latter form is for doubles, whose bits change at the upper end. Steps wrap around.

#include "aggregator/store/open_rows.hpp"

#include <bit>
#include <cstring>

#include "common/core/frame/bytes.hpp"

namespace dadvisor::aggregator::store {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr unsigned most_of_word = 1 + 8 + 8 + 32 + 64 * 8;  // bytes that a word can take
constexpr std::size_t cache_line = 64;
constexpr unsigned without_low = 8;  // the first code of the latter form

struct Coded {
  unsigned code, bytes;
  std::uint64_t bits;
};

Coded code_of(std::int64_t step) {
  auto const folded = zigzag(step);
  auto const low = (static_cast<unsigned>(std::bit_width(folded)) + 7) / 8;
  auto const skipped =
      static_cast<unsigned>(std::countr_zero(static_cast<std::uint64_t>(step))) / 8;
  if (low <= 8 - skipped || skipped == 0) return {low - 1, low, folded};
  return {without_low + skipped - 1, 8 - skipped,
          static_cast<std::uint64_t>(step) >> (skipped * 8)};
}

std::int64_t step_of(unsigned code, std::uint64_t bits) {
  if (code < without_low) return unzigzag(bits);
  return static_cast<std::int64_t>(bits << ((code - without_low + 1) * 8));
}

unsigned bytes_of(unsigned code) {
  return code < without_low ? code + 1 : 8 - (code - without_low + 1);
}

[[gnu::noinline]] std::uint64_t load_last(std::uint8_t const* in, std::uint8_t const* end) {
  std::uint64_t word = 0;
  std::memcpy(&word, in, static_cast<std::size_t>(end - in));
  return word;
}

inline std::uint64_t load(std::uint8_t const* in, std::uint8_t const* end) {
  if (end - in < 8) [[unlikely]]
    return load_last(in, end);
  std::uint64_t word;
  std::memcpy(&word, in, 8);
  return word;
}

// As a mask of a word and not as so many bytes, which would wait for their way through memory.
std::uint64_t first_bits(std::size_t count) { return ~std::uint64_t{0} >> (64 - count); }

// A value after the step whose bytes begin at `in`.
[[gnu::always_inline]] inline std::int64_t stepped(std::int64_t value, unsigned code,
                                                   std::uint8_t const* in,
                                                   std::uint8_t const* end) {
  auto const bits = load(in, end) & first_bits(8 * bytes_of(code));
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) +
                                   static_cast<std::uint64_t>(step_of(code, bits)));
}

constexpr std::uint64_t low_nibbles = 0x0f0f'0f0f'0f0f'0f0f, each_byte = 0x0101'0101'0101'0101;

// std::popcount() calls a function where the processor is any x86-64.
unsigned ones(std::uint64_t word) {
  word -= (word >> 1) & 0x5555'5555'5555'5555;
  word = (word & 0x3333'3333'3333'3333) + ((word >> 2) & 0x3333'3333'3333'3333);
  return static_cast<unsigned>((((word + (word >> 4)) & low_nibbles) * each_byte) >> 56);
}

// How many ones a word has. By the processor's instruction within OpenRows::walk_by_instruction().
struct OnesByArithmetic {
  static unsigned of(std::uint64_t word) { return ones(word); }
};
struct OnesByInstruction {
  [[gnu::always_inline]] static inline unsigned of(std::uint64_t word) {
    return static_cast<unsigned>(__builtin_popcountll(word));
  }
};

// The codes of a word's steps.
class Codes {
 public:
  Codes(std::uint8_t const* codes, std::uint8_t const* end) : codes_(codes), end_(end) {}
  unsigned code(unsigned index) const { return (codes_[index / 2] >> (index % 2 * 4)) & 15; }
  // How many bytes the steps before that of `index` take: sixteen codes at once, each of which is
  // one less than its bytes, or 15 less them.
  [[gnu::always_inline]] inline std::size_t bytes_before(unsigned index) const {
    std::size_t sum = index;
    std::uint8_t const* in = codes_;
    for (unsigned left = index; left > 0; in += 8) {
      auto word = load(in, end_);
      if (left < 16) word &= (std::uint64_t{1} << (4 * left)) - 1;
      std::uint64_t const latter = (word >> 3) & 0x1111'1111'1111'1111;
      word = (word ^ latter * 15) - latter;
      sum += (((word & low_nibbles) + ((word >> 4) & low_nibbles)) * each_byte) >> 56;
      left -= std::min(left, 16u);
    }
    return sum;
  }

 private:
  std::uint8_t const* const codes_;
  std::uint8_t const* const end_;
};

// By doubling, a quarter of all this would be room that nobody needs.
template <typename T>
void make_room(std::vector<T>& values, std::size_t more) {
  if (values.capacity() - values.size() < more)
    values.reserve(values.size() + values.size() / 4 + more);
}

}  // namespace

OpenRows::OpenRows(Columns columns)
    : columns_(std::move(columns)), values_(columns_->size(), 0), present_(words(), 0) {}

OpenRows::OpenRows(Columns columns, Rows const& table) : OpenRows(std::move(columns)) {
  for (std::size_t row = 0; row < table.size(); ++row)
    append(table.ticks()[row], [&](std::size_t column) -> Cell {
      if (!table.has(row, column)) return std::nullopt;
      return table.value(row, column);
    });
}

void OpenRows::add_difference(Steps const& steps, std::size_t width, std::uint64_t changed,
                              std::uint64_t before, std::uint64_t present) {
  std::array<std::uint8_t, most_of_word> made;
  std::uint8_t* out = made.data();
  *out++ = before != present;
  if (before != present) {
    std::memcpy(out, &before, 8);
    out += 8;
  }
  std::memcpy(out, &changed, 8);
  out += (width + 7) / 8;
  std::uint8_t* const codes = out;
  out += (ones(changed) + 1) / 2;
  for (unsigned count = 0; changed != 0; changed &= changed - 1, ++count) {
    Coded const coded = code_of(steps[static_cast<std::size_t>(std::countr_zero(changed))]);
    if (count % 2 == 0)
      codes[count / 2] = static_cast<std::uint8_t>(coded.code);
    else
      codes[count / 2] |= static_cast<std::uint8_t>(coded.code << 4);
    std::memcpy(out, &coded.bits, 8);
    out += coded.bytes;
  }
  auto const bytes = static_cast<std::size_t>(out - made.data());
  make_room(differences_, bytes);
  differences_.insert(differences_.end(), made.data(), out);
}

void OpenRows::add_end() {
  make_room(ends_, 1);
  ends_.push_back(static_cast<std::uint32_t>(differences_.size()));
}

void OpenRows::add_tick(TickNs tick) {
  make_room(ticks_, 1);
  ticks_.push_back(tick);
}

template <typename Passed>
void OpenRows::step_back(std::size_t row, std::span<std::int64_t> values,
                         std::span<std::uint64_t> present, Passed const& passed) const {
  std::uint8_t const* in = differences_.data() + (row == 0 ? 0 : ends_[row - 1]);
  std::uint8_t const* const end = differences_.data() + differences_.size();
  for (std::size_t word = 0; word < words(); ++word) {
    if (*in++ != 0) {
      std::memcpy(&present[word], in, 8);
      in += 8;
    }
    std::uint64_t changed = load(in, end) & first_bits(width(word));
    in += (width(word) + 7) / 8;
    std::uint8_t const* const codes = in;
    in += (ones(changed) + 1) / 2;
    for (unsigned count = 0; changed != 0; changed &= changed - 1, ++count) {
      unsigned const code = (codes[count / 2] >> (count % 2 * 4)) & 15;
      auto const column = word * 64 + static_cast<std::size_t>(std::countr_zero(changed));
      passed(column);
      values[column] = stepped(values[column], code, in, end);
      in += bytes_of(code);
    }
  }
}

void OpenRows::step_back(std::size_t row, std::span<std::int64_t> values,
                         std::span<std::uint64_t> present) const {
  step_back(row, values, present, [](std::size_t) {});
}

void OpenRows::fetch() const {
  auto const all = [](auto const& values) {
    auto const* const bytes = reinterpret_cast<char const*>(values.data());
    std::size_t const size = values.size() * sizeof values[0];
    for (std::size_t at = 0; at < size; at += cache_line) __builtin_prefetch(bytes + at);
  };
  all(ticks_);
  all(ends_);
  all(values_);
  all(present_);
  all(differences_);
}

void OpenRows::expect_row() const {
  auto const* const values = reinterpret_cast<char const*>(values_.data());
  for (std::size_t at = 0; at < values_.size() * sizeof values_[0]; at += cache_line)
    __builtin_prefetch(values + at, 1);
  __builtin_prefetch(present_.data(), 1);
  __builtin_prefetch(ticks_.data() + ticks_.size(), 1);
  __builtin_prefetch(ends_.data() + ends_.size(), 1);
  __builtin_prefetch(differences_.data() + differences_.size(), 1);
}

void OpenRows::drop_newest() {
  ticks_.pop_back();
  if (empty()) return;
  step_back(size() - 1, values_, present_);
  ends_.pop_back();
  differences_.resize(ends_.empty() ? 0 : ends_.back());
}

void OpenRows::drop_oldest(std::size_t rows) {
  ticks_.erase(ticks_.begin(), ticks_.begin() + static_cast<std::ptrdiff_t>(rows));
  auto const gone = std::min(rows, ends_.size());
  if (gone == 0) return;
  auto const bytes = ends_[gone - 1];
  differences_.erase(differences_.begin(), differences_.begin() + bytes);
  ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(gone));
  for (std::uint32_t& end : ends_) end -= bytes;
  differences_.shrink_to_fit();
}

void OpenRows::select(Selection const& selection, TickNs from, TickNs until,
                      SelectedRows& out) const {
  auto const first = static_cast<std::size_t>(std::lower_bound(ticks_.begin(), ticks_.end(), from) -
                                              ticks_.begin());
  auto const last = static_cast<std::size_t>(std::upper_bound(ticks_.begin(), ticks_.end(), until) -
                                             ticks_.begin());
  if (first >= last) return;
  std::size_t const before = out.ticks.size();
  out.begin_rows(selection.width(), std::span(ticks_).subspan(first, last - first));
  auto& walked = out.scratch.open;
  walked.clear();
  auto at = columns_->begin();
  for (auto const& [metric, place] : selection.places()) {
    at = std::lower_bound(at, columns_->end(), metric);
    if (at == columns_->end() || *at != metric) {
      out.lack(place, before);
      continue;
    }
    auto const column = static_cast<std::size_t>(at - columns_->begin());
    walked.push_back(
        {place, column, values_[column], ((present_[column / 64] >> (column % 64)) & 1) != 0});
  }
#if defined(__x86_64__)
  static bool const has_instruction = __builtin_cpu_supports("popcnt") != 0;
  if (has_instruction) return walk_by_instruction(walked, first, last, before, out);
#endif
  walk<OnesByArithmetic>(walked, first, last, before, out);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) void OpenRows::walk_by_instruction(std::span<OpenColumn> columns,
                                                                     std::size_t first,
                                                                     std::size_t last,
                                                                     std::size_t before,
                                                                     SelectedRows& out) const {
  walk<OnesByInstruction>(columns, first, last, before, out);
}
#endif

template <typename Ones>
[[gnu::always_inline]] inline void OpenRows::walk(std::span<OpenColumn> columns, std::size_t first,
                                                  std::size_t last, std::size_t before,
                                                  SelectedRows& out) const {
  if (columns.size() == 1 && words() == 1)
    return walk_one<Ones>(columns.front(), first, last, before, out);
  for (std::size_t row = size(); row-- > first;) {
    for (OpenColumn const& its : columns)
      if (row < last) show(its, before + row - first, out);
    if (row > first) step_back<Ones>(row - 1, columns);
  }
}

inline void OpenRows::show(OpenColumn const& its, std::size_t row, SelectedRows& out) {
  if (its.present) [[likely]]
    out.columns[its.place].values[row] = its.value;  // of whom nobody said that it is not there
  else
    out.set(its.place, row, std::nullopt);
}

// What queries of thousands of entities ask for: one column, of few enough that a word tells which
// of them changed.
template <typename Ones>
[[gnu::always_inline]] inline void OpenRows::walk_one(OpenColumn its, std::size_t first,
                                                      std::size_t last, std::size_t before,
                                                      SelectedRows& out) const {
  std::uint8_t const* const begin = differences_.data();
  std::uint8_t const* const end = begin + differences_.size();
  auto const known = first_bits(width(0)), bit = std::uint64_t{1} << its.column;
  std::size_t const bitmap = (width(0) + 7) / 8;
  constexpr std::ptrdiff_t whole = 1 + 8 + 8 + 8;  // what is loaded without a look at the end
  for (std::size_t row = size(); row-- > first;) {
    if (row < last) show(its, before + row - first, out);
    if (row == first) return;
    std::uint8_t const* in = begin + (row == 1 ? 0 : ends_[row - 2]);
    if (end - in < whole) {
      step_back<Ones>(row - 1, {&its, 1});
      continue;
    }
    if (*in++ != 0) {
      its.present = (load(in, end) & bit) != 0;
      in += 8;
    }
    auto const changed = load(in, end) & known;
    if ((changed & bit) == 0) continue;
    in += bitmap;
    Codes const codes(in, end);
    auto const index = Ones::of(changed & (bit - 1));
    std::uint8_t const* const bytes = in + (Ones::of(changed) + 1) / 2;
    its.value = stepped(its.value, codes.code(index), bytes + codes.bytes_before(index), end);
  }
}

// Of each row no more is looked at than which columns changed, how long their bytes are, and those
// of the columns that are asked for.
template <typename Ones>
[[gnu::always_inline]] inline void OpenRows::step_back(std::size_t row,
                                                       std::span<OpenColumn> columns) const {
  std::uint8_t const* in = differences_.data() + (row == 0 ? 0 : ends_[row - 1]);
  std::uint8_t const* const end = differences_.data() + differences_.size();
  for (std::size_t word = 0; !columns.empty(); ++word) {
    bool const others = *in++ != 0;
    std::uint64_t present = 0;
    if (others) {
      std::memcpy(&present, in, 8);
      in += 8;
    }
    std::uint64_t const changed = load(in, end) & first_bits(width(word));
    in += (width(word) + 7) / 8;
    Codes const codes(in, end);
    std::uint8_t const* const bytes = in + (Ones::of(changed) + 1) / 2;
    for (; !columns.empty() && columns.front().column / 64 == word; columns = columns.subspan(1)) {
      OpenColumn& its = columns.front();
      auto const bit = its.column % 64;
      if (others) its.present = ((present >> bit) & 1) != 0;
      if (((changed >> bit) & 1) == 0) continue;
      auto const index = Ones::of(changed & ((std::uint64_t{1} << bit) - 1));
      its.value = stepped(its.value, codes.code(index), bytes + codes.bytes_before(index), end);
    }
    if (!columns.empty()) in = bytes + codes.bytes_before(Ones::of(changed));
  }
}

bool OpenRows::oldest(std::size_t rows, ColumnTable& made) const {
  auto values = values_;
  auto present = present_;
  for (std::size_t row = size() - 1; row >= rows; --row) step_back(row - 1, values, present);
  made.ticks.assign(ticks_.begin(), ticks_.begin() + static_cast<std::ptrdiff_t>(rows));
  struct Unwritten {
    std::int64_t* values = nullptr;  // of a column that no row has none
    std::size_t until = 0;           // rows before this one
  };
  std::vector<Unwritten> unwritten(columns_->size());
  std::size_t count = 0;
  for (std::size_t column = 0; column < columns_->size(); ++column) {
    if (((present[column / 64] >> (column % 64)) & 1) == 0) continue;
    if (made.columns.size() == count) made.columns.emplace_back();
    TableColumn& its = made.columns[count];
    its.id = (*columns_)[column];
    its.values.resize(rows);
    its.has.clear();
    unwritten[column] = {its.values.data(), rows};
    ++count;
  }
  made.columns.resize(count);
  auto const all = present;
  std::size_t row = rows;
  auto const write = [&](std::size_t column) {
    auto& [its, until] = unwritten[column];
    if (its == nullptr) return;
    // At least one: since the last time a row was left behind. Mostly no more.
    do its[--until] = values[column];
    while (until > row);
  };
  for (row = rows - 1; row > 0; --row) {
    step_back(row - 1, values, present, write);
    if (present != all) return false;
  }
  for (std::size_t column = 0; column < columns_->size(); ++column) write(column);
  return true;
}

Rows OpenRows::table(TickNs from) const {
  if (!columns_) return Rows();
  auto const first = static_cast<std::size_t>(std::lower_bound(ticks_.begin(), ticks_.end(), from) -
                                              ticks_.begin());
  return table(first, size());
}

Rows OpenRows::table(std::size_t first, std::size_t last) const {
  Rows made(*columns_, std::vector(ticks_.begin() + static_cast<std::ptrdiff_t>(first),
                                   ticks_.begin() + static_cast<std::ptrdiff_t>(last)));
  auto values = values_;
  auto present = present_;
  for (std::size_t row = size(); row-- > first;) {
    if (row < last) made.set_row(row - first, values, present);
    if (row > first) step_back(row - 1, values, present);
  }
  return made;
}

}  // namespace dadvisor::aggregator::store
