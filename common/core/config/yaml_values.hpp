#pragma once
// A YAML file of settings as flat keys: sections become dotted keys. yaml-cpp stays inside.

#include <string>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::config {

struct YamlValue {
  std::string key;  // "mail.server"
  int line = 0;     // of the key, from 1
  std::vector<std::string> values;
  bool list = false;   // written as a sequence
  bool empty = false;  // the key has no value at all
};

// Errors are malformed or those of reading, their contexts "PATH:LINE: what is wrong; remedy". An
// empty file has no values. A key given twice is an error.
Result<std::vector<YamlValue>> read_yaml_values(std::string const& path);

}  // namespace dadvisor::config
