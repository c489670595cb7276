#pragma once
// What the pixels of a picture stand in. A thread keeps what its last picture had, up to some
// megabytes: to have it from the system anew, page by page, would take a seventh of a picture's
// time. What stands in it at first is undefined.

#include <cstddef>
#include <memory>

namespace dadvisor::graphite::picture {

class PixelMemory {
 public:
  static constexpr std::size_t most_kept = 4 << 20;  // bytes, of each thread

  PixelMemory() = default;
  // Throws std::bad_alloc.
  explicit PixelMemory(std::size_t bytes);
  ~PixelMemory();  // on any thread, which then keeps it
  PixelMemory(PixelMemory&&) = default;
  PixelMemory& operator=(PixelMemory&&) = default;

  unsigned char* data() const { return block_.bytes.get(); }

 private:
  struct Block {
    std::unique_ptr<unsigned char[]> bytes;
    std::size_t size = 0;
  };
  static thread_local Block spare_;

  Block block_;
};

}  // namespace dadvisor::graphite::picture
