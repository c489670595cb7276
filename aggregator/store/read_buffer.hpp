#pragma once
// Memory that files are read into, which nobody fills with zeros before. Owns it. Not thread-safe.

#include <cstddef>
#include <memory>
#include <span>

namespace dadvisor::aggregator::store {

class ReadBuffer {
 public:
  // Room for so many bytes, undefined; what was there before is gone.
  std::span<char> of(std::size_t size) {
    if (room_ < size) {
      bytes_ = std::make_unique_for_overwrite<char[]>(size);
      room_ = size;
    }
    return {bytes_.get(), size};
  }
  std::size_t room() const { return room_; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t room_ = 0;
};

}  // namespace dadvisor::aggregator::store
