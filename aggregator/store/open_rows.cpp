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
constexpr unsigned without_low = 8;                         // the first code of the latter form

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

void OpenRows::add_difference(Steps const& steps, std::size_t width, std::uint64_t before,
                              std::uint64_t present) {
  std::array<std::uint8_t, most_of_word> made;
  std::uint8_t* out = made.data();
  *out++ = before != present;
  if (before != present) {
    std::memcpy(out, &before, 8);
    out += 8;
  }
  std::uint64_t changed = 0;
  for (std::size_t i = 0; i < width; ++i) changed |= std::uint64_t{steps[i] != 0} << i;
  std::memcpy(out, &changed, 8);
  out += (width + 7) / 8;
  std::uint8_t* const codes = out;
  out += (std::popcount(changed) + 1) / 2;
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

void OpenRows::step_back(std::size_t row, std::span<std::int64_t> values,
                         std::span<std::uint64_t> present) const {
  std::uint8_t const* in = differences_.data() + (row == 0 ? 0 : ends_[row - 1]);
  std::uint8_t const* const end = differences_.data() + differences_.size();
  for (std::size_t word = 0; word < words(); ++word) {
    if (*in++ != 0) {
      std::memcpy(&present[word], in, 8);
      in += 8;
    }
    std::uint64_t changed = 0;
    std::memcpy(&changed, in, (width(word) + 7) / 8);
    in += (width(word) + 7) / 8;
    std::uint8_t const* const codes = in;
    in += (std::popcount(changed) + 1) / 2;
    for (unsigned count = 0; changed != 0; changed &= changed - 1, ++count) {
      unsigned const code = (codes[count / 2] >> (count % 2 * 4)) & 15;
      unsigned const bytes = bytes_of(code);
      std::uint64_t bits = 0;
      if (end - in >= 8) {
        std::memcpy(&bits, in, 8);
        if (bytes < 8) bits &= (std::uint64_t{1} << (bytes * 8)) - 1;
      } else {
        std::memcpy(&bits, in, bytes);
      }
      in += bytes;
      auto& value = values[word * 64 + static_cast<std::size_t>(std::countr_zero(changed))];
      value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) +
                                        static_cast<std::uint64_t>(step_of(code, bits)));
    }
  }
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
  auto& values = out.scratch.values;
  auto& present = out.scratch.present;
  values = values_;
  present = present_;
  for (std::size_t row = size(); row-- > first;) {
    if (row < last)
      for (auto const& [metric, place] : selection.places()) {
        auto const column = static_cast<std::size_t>(
            std::lower_bound(columns_->begin(), columns_->end(), metric) - columns_->begin());
        bool const held = column < columns_->size() && (*columns_)[column] == metric &&
                          ((present[column / 64] >> (column % 64)) & 1) != 0;
        out.set(place, before + row - first, held ? Cell(values[column]) : Cell());
      }
    if (row > first) step_back(row - 1, values, present);
  }
}

Rows OpenRows::table(TickNs from) const {
  if (!columns_) return Rows();
  auto const first = static_cast<std::size_t>(std::lower_bound(ticks_.begin(), ticks_.end(), from) -
                                              ticks_.begin());
  Rows made(*columns_);
  for (std::size_t row = first; row < size(); ++row) made.insert(row - first, ticks_[row]);
  auto values = values_;
  auto present = present_;
  for (std::size_t row = size(); row-- > first;) {
    made.set_all(row - first, [&](std::size_t column) -> Cell {
      if (((present[column / 64] >> (column % 64)) & 1) == 0) return std::nullopt;
      return values[column];
    });
    if (row > first) step_back(row - 1, values, present);
  }
  return made;
}

}  // namespace dadvisor::aggregator::store
