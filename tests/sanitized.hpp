#pragma once
// Whether a sanitizer watches: long random tests are then content with fewer runs, for each takes
// twenty times as long and uses memory as the one before.

namespace dadvisor {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

}  // namespace dadvisor
