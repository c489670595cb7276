#include "graphite-bridge/picture/pixel_memory.hpp"

#include <utility>

namespace dadvisor::graphite::picture {

thread_local PixelMemory::Block PixelMemory::spare_;

PixelMemory::PixelMemory(std::size_t bytes) {
  if (spare_.bytes && spare_.size >= bytes) {
    block_ = std::exchange(spare_, {});
    return;
  }
  block_ = {std::make_unique_for_overwrite<unsigned char[]>(bytes), bytes};
}

PixelMemory::~PixelMemory() {
  bool const keeps = block_.bytes && block_.size <= most_kept && block_.size >= spare_.size;
  if (keeps) spare_ = std::move(block_);
}

}  // namespace dadvisor::graphite::picture
