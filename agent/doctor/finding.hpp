#pragma once
// What the verb `doctor` finds: one line each, and what to do about it. Pure.

#include <string>
#include <vector>

namespace dadvisor::agent {

struct Finding {
  enum class Level {
    good,
    note,  // something is not measured, or could be better
    fault  // the agent does not do its work
  };
  Level level = Level::good;
  std::string about;   // one word: "docker"
  std::string found;   // what is so
  std::string remedy;  // what to do, where it is not good
  bool operator==(Finding const&) const = default;
};

// A table for a person, its last line the sum of it; texts from outside are made printable.
std::string render_table(std::vector<Finding> const& findings);
// An array of {"level", "about", "found", "remedy"}.
std::string render_json(std::vector<Finding> const& findings);
bool has_fault(std::vector<Finding> const& findings);

}  // namespace dadvisor::agent
