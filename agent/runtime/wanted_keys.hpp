#pragma once
// What whoever reads a runtime's answer may keep of it. A plain struct like Container.

#include <functional>
#include <string_view>

namespace dadvisor::agent {

// Which labels and which environment variables may be kept.
struct WantedKeys {
  std::function<bool(std::string_view)> label;
  std::function<bool(std::string_view)> env;
};

}  // namespace dadvisor::agent
