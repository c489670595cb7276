// libFuzzer's entry: DADVISOR_FUZZ names the target.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "targets.hpp"

namespace {

dadvisor::fuzz::Target const* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  char const* const name = std::getenv("DADVISOR_FUZZ");
  for (auto const& target : dadvisor::fuzz::targets())
    if (name != nullptr && std::strcmp(target.name, name) == 0) chosen = &target;
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "DADVISOR_FUZZ must name a target:");
  for (auto const& target : dadvisor::fuzz::targets()) std::fprintf(stderr, " %s", target.name);
  std::fprintf(stderr, "\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  chosen->take({reinterpret_cast<char const*>(data), size});
  return 0;
}
