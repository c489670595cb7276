#include "graphite-bridge/carbon/name_pattern.hpp"

namespace dadvisor::graphite {

Result<Regex> name_pattern(std::string_view pattern) {
  std::string text(pattern);
  for (std::size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\\' && text[++i] == 'Z') text[i] = 'z';
  auto made = Regex::compile(text);
  if (made) return made;
  return Error{Errc::malformed, 0,
               made.error().context +
                   "; write it without look-around, back references and possessive groups"};
}

}  // namespace dadvisor::graphite
