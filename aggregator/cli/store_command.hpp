#pragma once
// `dadvisor store ...`: what is in a store and whether it is sound, deletion, backup, restore. What
// changes a running aggregator's store goes by its admin socket; the rest reads files.

#include <memory>

namespace CLI {
class App;
}

namespace dadvisor::aggregator::cli {

class StoreCommand {
 public:
  // Adds the subcommand `store`; `app` must outlive this.
  explicit StoreCommand(CLI::App& app);
  ~StoreCommand();
  StoreCommand(StoreCommand const&) = delete;
  StoreCommand& operator=(StoreCommand const&) = delete;

  bool parsed() const;
  // After parsing; returns the exit code.
  int run();

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace dadvisor::aggregator::cli
