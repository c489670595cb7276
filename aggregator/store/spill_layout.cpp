#include "aggregator/store/spill_layout.hpp"

#include <fmt/format.h>

#include <charconv>

namespace dadvisor::aggregator::store {
namespace {

constexpr std::string_view extension = ".rows";

}  // namespace

std::string spill_file_name(SpillInfo const& info) {
  // A segment never has the name of one of its spills.
  bool const segment = info.first_number < info.number;
  return fmt::format("{}-{}-{}{}{}", unix_seconds(from_tick_ns(info.first)),
                     unix_seconds(from_tick_ns(info.last)),
                     segment ? fmt::format("{}-", info.first_number) : "", info.number, extension);
}

bool is_spill_name(std::string const& name) { return name.ends_with(extension); }

std::uint64_t spill_number(std::string const& name) {
  std::uint64_t number = 0;
  auto const dash = name.rfind('-');
  if (dash != std::string::npos)
    std::from_chars(name.data() + dash + 1, name.data() + name.size(), number);
  return number;
}

}  // namespace dadvisor::aggregator::store
