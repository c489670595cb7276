#pragma once
// `dadvisor import-graphite` and `import-whisper`: points of any age into a running aggregator's
// store, day by day over its admin socket (api/import_routes.hpp). What is sent is counted and
// summed here too, and compared with what the aggregator says it has.

#include <memory>

namespace CLI {
class App;
}

namespace dadvisor::aggregator::cli {

class ImportCommand {
 public:
  // Adds both subcommands; `app` must outlive this.
  explicit ImportCommand(CLI::App& app);
  ~ImportCommand();
  ImportCommand(ImportCommand const&) = delete;
  ImportCommand& operator=(ImportCommand const&) = delete;

  bool parsed() const;
  // After parsing; returns the exit code.
  int run();

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace dadvisor::aggregator::cli
