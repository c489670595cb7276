#include "graphite-bridge/carbon/name_list.hpp"

#include <algorithm>

#include "graphite-bridge/carbon/ini_file.hpp"
#include "graphite-bridge/carbon/name_pattern.hpp"

namespace dadvisor::graphite {

bool NameList::contains(std::string_view path) const {
  return std::ranges::any_of(patterns_, [&](Regex const& one) { return one.matches(path); });
}

LoadedNameList parse_name_list(std::string_view text, std::string const& file) {
  LoadedNameList loaded;
  each_line(text, [&](std::size_t number, std::string_view line) {
    auto const pattern = trimmed(line);
    if (pattern.empty() || line.front() == '#') return;  // " #" begins a pattern, as in carbon
    if (auto regex = name_pattern(pattern))
      loaded.names.patterns_.push_back(std::move(*regex));
    else
      loaded.errors.push_back(config_error(file, number, regex.error().context));
  });
  return loaded;
}

}  // namespace dadvisor::graphite
