#pragma once
// `dadvisor check-config`: reads configuration files by the same code as the programs and says all
// that is wrong with them: "FILE:LINE: key: problem; remedy".

#include <string>
#include <vector>

namespace dadvisor::aggregator::cli {

enum class FileKind { agent, aggregator, rules, notify };
char const* to_string(FileKind kind);

struct CheckedFile {
  std::string path;
  FileKind kind = FileKind::agent;
  std::size_t rules = 0;  // of a rule file
};

struct CheckReport {
  std::vector<CheckedFile> files;     // all that were looked at, in the order of their names
  std::vector<std::string> problems;  // one line each
  std::vector<std::string> unusable;  // arguments that are no readable file: a matter of usage
};

// Files, and directories, of which all *.yml and *.yaml count, those one level below too. What a
// file is for is told by its keys, else by its name. All rule files count as one set (ids are
// unique over it); their receivers must be in the notify file where one is among the files.
CheckReport check_config(std::vector<std::string> const& paths);

}  // namespace dadvisor::aggregator::cli
