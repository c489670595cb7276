#pragma once
// A vector whose new elements are undefined until they are written: for what is read or decoded
// into it as a whole, where filling it with zeros before would be a tenth of the work. Not
// thread-safe.

#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace dadvisor::aggregator::store {

template <typename T>
struct UnfilledAllocator : std::allocator<T> {
  template <typename U>
  struct rebind {
    using other = UnfilledAllocator<U>;
  };
  // An element without a value.
  template <typename U>
  void construct(U* element) noexcept(std::is_nothrow_default_constructible_v<U>) {
    ::new (static_cast<void*>(element)) U;
  }
  template <typename U, typename... Arguments>
  void construct(U* element, Arguments&&... arguments) {
    std::construct_at(element, std::forward<Arguments>(arguments)...);
  }
};

template <typename T>
using UnfilledVector = std::vector<T, UnfilledAllocator<T>>;

}  // namespace dadvisor::aggregator::store
