#pragma once
// One key of a program's configuration: in the YAML file `step`, `mail.server`; as a flag
// `--step`, `--mail-server`.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::config {

struct Option {
  std::string key;            // snake_case; a dot makes a section of the YAML file
  std::string value;          // what stands for the value in --help: "DURATION", "FILE"
  std::string help;           // with the unit, without the default
  std::string shown_default;  // empty: none is shown
  // Takes one value's text; an error's context says what is wrong with it and how to write it.
  std::function<Result<void>(std::string_view)> set;
  // What is in effect, as it would be written; no value: nothing that could be written.
  std::function<std::vector<std::string>()> values;
  // Called before the first value of a source (file, flags): what a list held is dropped.
  std::function<void()> clear;
  bool list = false;       // a YAML sequence; the flag may come more than once
  bool boolean = false;    // the bare flag means true
  bool only_flag = false;  // no key of the file
  char letter = 0;         // "-o" beside "--output"
};

// "--mail-server" for "mail.server".
std::string flag_of(std::string_view key);

}  // namespace dadvisor::config
