#pragma once
// Runs a loop until something holds.

#include <chrono>
#include <functional>

#include "common/http/loop.hpp"

namespace dadvisor::test {

// Asks `holds` each millisecond on the loop's thread, the caller's, for 10 s at most. False: it
// never held.
inline bool run_until(http::Loop& loop, std::function<bool()> const& holds) {
  bool held = false;
  http::Timer again;
  std::function<void()> look = [&] {
    held = holds();
    if (held) return loop.stop();
    again = loop.after(std::chrono::milliseconds(1), look);
  };
  again = loop.after(std::chrono::milliseconds(0), look);
  auto const guard = loop.after(std::chrono::seconds(10), [&] { loop.stop(); });
  loop.run();
  again.cancel();
  return held;
}

}  // namespace dadvisor::test
