#include "graphite-bridge/value.hpp"

#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {

std::string to_text(Value const& value) {
  if (auto const* flag = std::get_if<bool>(&value)) return *flag ? "True" : "False";
  if (auto const* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (auto const* real = std::get_if<double>(&value)) return repr(*real);
  if (auto const* text = std::get_if<std::string>(&value)) return *text;
  return "None";
}

}  // namespace dadvisor::graphite
