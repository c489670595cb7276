#pragma once
// A source of containers that remembers in a file what it told: so that an agent which starts while
// a runtime is away goes on with the names, the owners and the lives that it had. What is
// remembered is told until that runtime has answered once, and while the container's first process
// lives. One loop's thread.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/host/kernel_file.hpp"
#include "agent/runtime/runtime_source.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"

namespace dadvisor::agent {

class RememberedContainers final : public RuntimeSource {
 public:
  // Reads `path`; what is no such file is nothing remembered. `clock` must outlive it.
  RememberedContainers(std::unique_ptr<RuntimeSource> source, std::string path,
                       std::string proc_root, Clock const& clock, Log log);
  // Writes what changed since the last time.
  ~RememberedContainers() override;
  RememberedContainers(RememberedContainers const&) = delete;
  RememberedContainers& operator=(RememberedContainers const&) = delete;

  std::vector<Container> snapshot() override;
  std::vector<RuntimeEvent> take_events() override { return source_->take_events(); }
  void missed(std::vector<Container> lives, WallTime seen) override {
    source_->missed(std::move(lives), seen);
  }
  void events_kept() override { source_->events_kept(); }
  RuntimeReport report() const override { return source_->report(); }
  bool settled() const override { return source_->settled(); }

 private:
  void read();
  void write();
  bool lives(Container const& container);
  bool is_told(std::vector<Container> const& containers) const;

  std::unique_ptr<RuntimeSource> source_;
  std::string path_, proc_root_;
  Clock const& clock_;
  Log log_;
  std::map<std::string, Container> remembered_;  // by id, of runtimes that have not answered yet
  std::map<std::string, Container> told_;        // by id, those that run
  bool changed_ = false, logged_ = false;
  MonotonicTime write_due_ = MonotonicTime::min();
  ReadBuffer buffer_;
};

}  // namespace dadvisor::agent
