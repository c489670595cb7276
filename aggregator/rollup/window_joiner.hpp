#pragma once
// Folds a tier's windows into longer ones. Windows by begin ascending; one thread at a time.

#include "aggregator/rollup/window_row.hpp"

namespace dadvisor::aggregator::rollup {

class WindowJoiner {
 public:
  WindowJoiner(WindowLayout const& layout, Nanoseconds window) : layout_(layout), window_(window) {}
  void take(WindowRow const& row, WindowVisitor const& visit);
  void finish(WindowVisitor const& visit);

 private:
  WindowLayout const& layout_;
  Nanoseconds const window_;
  WindowRow row_;
};

}  // namespace dadvisor::aggregator::rollup
