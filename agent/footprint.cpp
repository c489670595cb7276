#include "agent/footprint.hpp"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <span>

// By the linker: where the program's file is mapped, its ELF header first.
extern "C" ElfW(Ehdr) const __executable_start;

namespace dadvisor::agent {

void keep_heap_small() {
  constexpr int kib = 1024;
  ::mallopt(M_ARENA_MAX, 1);
  // Set, they stay: else what was once allocated as a mapping of its own (a page of figures for
  // Prometheus) is kept in the heap from then on.
  ::mallopt(M_MMAP_THRESHOLD, 256 * kib);
  ::mallopt(M_TRIM_THRESHOLD, 256 * kib);
}

void give_back_memory() {
  ::malloc_trim(0);
  auto const begin = reinterpret_cast<std::uintptr_t>(&__executable_start);
  std::span const segments(reinterpret_cast<ElfW(Phdr) const*>(begin + __executable_start.e_phoff),
                           __executable_start.e_phnum);
  constexpr std::uintptr_t page = 4096;
  std::uintptr_t const base = __executable_start.e_type == ET_DYN ? begin : 0;
  for (auto const& segment : segments) {
    // What is written to, relocations included, is in no file.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    auto const from = (base + segment.p_vaddr) & ~(page - 1);
    auto const to = base + segment.p_vaddr + segment.p_filesz;
    ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
}

}  // namespace dadvisor::agent
