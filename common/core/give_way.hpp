#pragma once
// Work that nobody waits for.

#include <sys/resource.h>
#include <unistd.h>

namespace dadvisor {

// From now on the calling thread, and it alone, gets a tenth of what the others get of a core that
// both want. Linux counts this per thread, setpriority(2); it cannot be refused, nor be taken back.
inline void give_way() {
  constexpr int background = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), background);
}

}  // namespace dadvisor
