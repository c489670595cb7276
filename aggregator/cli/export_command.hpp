#pragma once
// `dadvisor export`: the values of a target as CSV or as Graphite's plaintext lines, by the public
// API.

#include <memory>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace CLI {
class App;
}

namespace dadvisor::aggregator::cli {

class ExportCommand {
 public:
  // Adds the subcommand `export`; `app` must outlive this.
  explicit ExportCommand(CLI::App& app);
  ~ExportCommand();
  ExportCommand(ExportCommand const&) = delete;
  ExportCommand& operator=(ExportCommand const&) = delete;

  bool parsed() const;
  // After parsing; returns the exit code.
  int run();

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

// "NAME VALUE TIME" a line of what /render answers as JSON, absent points left out. A name with a
// space or a control byte is no plaintext: its series is left out and named in `skipped`.
// Errors: malformed.
Result<std::string> plaintext_lines(std::string_view json, std::string& skipped);

}  // namespace dadvisor::aggregator::cli
