#include "aggregator/alert/incident_id.hpp"

#include <array>

namespace dadvisor::aggregator::alert {

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t before) {
  for (char const c : bytes) {
    before ^= static_cast<unsigned char>(c);
    before *= 1099511628211ull;
  }
  return before;
}

std::string incident_id(std::string_view rule, std::string_view instance, Tick tick) {
  static constexpr char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  auto const at = tick.time_since_epoch().count();
  std::string key(rule);
  key.push_back('\0');
  key.append(instance);
  key.push_back('\0');
  key += std::to_string(at);
  std::uint64_t const low = fnv1a(key);
  std::uint64_t const high = fnv1a(key, low);
  std::array<unsigned char, 16> bytes{};
  auto const ms = static_cast<std::uint64_t>(at) * 1000;
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  bytes[6] = static_cast<unsigned char>(high >> 8);
  bytes[7] = static_cast<unsigned char>(high);
  for (std::size_t i = 0; i < 8; ++i)
    bytes[8 + i] = static_cast<unsigned char>(low >> (56 - 8 * i));
  // 128 bits in 26 digits of 5: two zero bits stand in front.
  std::string out;
  for (int digit = 0; digit < 26; ++digit) {
    unsigned value = 0;
    for (int bit = digit * 5; bit < digit * 5 + 5; ++bit) {
      int const from = bit - 2;
      unsigned const b =
          from < 0 ? 0u : bytes[static_cast<std::size_t>(from / 8)] >> (7 - from % 8) & 1u;
      value = value << 1 | b;
    }
    out.push_back(digits[value]);
  }
  return out;
}

}  // namespace dadvisor::aggregator::alert
