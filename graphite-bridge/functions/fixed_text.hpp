#pragma once
// A text as a template argument: one_of<"sum"> is an implementation that knows its function's
// name.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace dadvisor::graphite::functions {

template <std::size_t size>
struct FixedText {
  constexpr FixedText(char const (&literal)[size]) { std::copy_n(literal, size, text); }
  constexpr operator std::string_view() const { return {text, size - 1}; }
  char text[size];
};

}  // namespace dadvisor::graphite::functions
