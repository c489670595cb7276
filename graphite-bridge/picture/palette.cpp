#include "graphite-bridge/picture/palette.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <unordered_map>

namespace dadvisor::graphite::picture {
namespace {

// The colours of a picture, numbered as they come, and how often each is there.
class Colors {
 public:
  static constexpr std::size_t most = 4096;

  // The number of a colour; nothing: it is one too many.
  std::optional<std::uint16_t> number(std::uint32_t color) {
    std::size_t place = (color * 2654435761U) >> (32 - table_bits);  // Knuth's multiplicative hash
    while (table_[place] != 0) {
      auto const number = static_cast<std::uint16_t>(table_[place] - 1);
      if (colors_[number] == color) return number;
      place = (place + 1) % table_.size();
    }
    if (colors_.size() == most) return std::nullopt;
    colors_.push_back(color);
    counts_.push_back(0);
    table_[place] = static_cast<std::uint16_t>(colors_.size());
    return static_cast<std::uint16_t>(table_[place] - 1);
  }
  void count(std::uint16_t number, std::size_t pixels) { counts_[number] += pixels; }
  std::vector<std::uint32_t> const& all() const { return colors_; }
  std::size_t count_of(std::size_t number) const { return counts_[number]; }

 private:
  static constexpr int table_bits = 13;
  std::array<std::uint16_t, 1 << table_bits> table_{};  // number + 1; 0: none
  std::vector<std::uint32_t> colors_;
  std::vector<std::size_t> counts_;
};

// Puts the number of each pixel's colour there. False: there are too many.
bool number_pixels(unsigned char const* data, int width, int height, int stride, Colors& colors,
                   std::vector<std::uint16_t>& numbers) {
  numbers.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  auto* to = numbers.data();
  for (int y = 0; y < height; ++y) {
    auto const* const row = data + static_cast<std::ptrdiff_t>(y) * stride;
    auto const at = [&](int x) {
      std::uint32_t pixel;
      std::memcpy(&pixel, row + x * 4, 4);
      return pixel & 0xffffff;
    };
    for (int x = 0; x < width;) {
      auto const color = at(x);
      int end = x + 1;
      while (end < width && at(end) == color) ++end;
      auto const number = colors.number(color);
      if (!number) return false;
      colors.count(*number, static_cast<std::size_t>(end - x));
      to = std::fill_n(to, end - x, *number);
      x = end;
    }
  }
  return true;
}

// Colours that agree in all but the lowest `bits` of each channel become the most frequent of them.
// Which index each gets; false: there are too many still.
bool merge(Colors const& colors, int bits, std::vector<std::uint32_t>& kept,
           std::vector<std::uint8_t>& index_of) {
  auto const& all = colors.all();
  std::uint32_t const channel = 0xff & ~((1U << bits) - 1);
  std::uint32_t const mask = channel << 16 | channel << 8 | channel;
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::size_t number) { return colors.count_of(number); });
  std::unordered_map<std::uint32_t, std::uint8_t> buckets;
  kept.clear();
  index_of.assign(all.size(), 0);
  for (std::size_t const number : order) {
    auto const [bucket, added] =
        buckets.try_emplace(all[number] & mask, static_cast<std::uint8_t>(kept.size()));
    if (added) {
      if (kept.size() == Palette::most_colors) return false;
      kept.push_back(all[number]);
    }
    index_of[number] = bucket->second;
  }
  return true;
}

}  // namespace

std::optional<Palette> palette_of(unsigned char const* data, int width, int height, int stride) {
  Colors colors;
  std::vector<std::uint16_t> numbers;
  if (!number_pixels(data, width, height, stride, colors, numbers)) return std::nullopt;
  Palette out;
  std::vector<std::uint8_t> index_of;
  int bits = 0;
  while (!merge(colors, bits, out.colors, index_of))
    if ((1 << ++bits) - 1 > Palette::furthest) return std::nullopt;
  out.indexes.resize(numbers.size());
  std::ranges::transform(numbers, out.indexes.begin(),
                         [&](std::uint16_t number) { return index_of[number]; });
  return out;
}

}  // namespace dadvisor::graphite::picture
