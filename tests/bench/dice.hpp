#pragma once
// Random numbers that are the same on any machine. Not thread-safe.

#include <cstdint>

namespace dadvisor::bench {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // [0, 1)
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(bound));
  }
  bool chance(double p) { return unit() < p; }
  double around(double mean, double spread) { return mean * (1 + spread * (2 * unit() - 1)); }

 private:
  std::uint64_t state_;
};

// A seed of both.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  return Dice(a * 0x9e3779b97f4a7c15 + b).next();
}

}  // namespace dadvisor::bench
