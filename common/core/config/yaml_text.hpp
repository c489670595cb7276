#pragma once
// A configuration written as the YAML that read_yaml_values() takes.

#include <string>
#include <vector>

namespace dadvisor::config {

struct YamlEntry {
  std::string key;  // a dot makes a section
  std::vector<std::string> values;
  bool list = false;
  std::string comment;  // behind the value; empty: none
};

// In the given order; a section stands where its first entry does.
std::string yaml_text(std::vector<YamlEntry> const& entries);

}  // namespace dadvisor::config
