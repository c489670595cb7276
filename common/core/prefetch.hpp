#pragma once
// Hints to the processor that memory is wanted soon.

#include <cstddef>

namespace dadvisor {

enum class Access { read, write };

// Each cache line of `size` bytes from `begin` on; nothing is read, so they need not be there.
template <Access access>
void prefetch(void const* begin, std::size_t size) {
  constexpr std::size_t cache_line = 64;  // bytes, of every x86-64 and most ARMv8
  auto const* const bytes = static_cast<char const*>(begin);
  for (std::size_t at = 0; at < size; at += cache_line)
    __builtin_prefetch(bytes + at, access == Access::write ? 1 : 0);
}

}  // namespace dadvisor
