#pragma once
// whitelist.conf and blacklist.conf: a regular expression a line, looked for anywhere in the name.
// Immutable; any thread. Semantics of carbon's regexlist.py.

#include <string>
#include <string_view>
#include <vector>

#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

class NameList {
 public:
  bool empty() const { return patterns_.empty(); }
  bool contains(std::string_view path) const;

 private:
  friend struct LoadedNameList parse_name_list(std::string_view, std::string const&);
  std::vector<Regex> patterns_;
};

struct LoadedNameList {
  NameList names;
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do"
};
LoadedNameList parse_name_list(std::string_view text, std::string const& file);

}  // namespace dadvisor::graphite
