#pragma once
// A source of containers that says what the test wants.

#include <map>
#include <utility>

#include "agent/runtime/runtime_source.hpp"

namespace dadvisor::test {

class FakeSource final : public agent::RuntimeSource {
 public:
  std::map<std::string, agent::Container> containers;
  std::vector<agent::RuntimeEvent> events;
  agent::RuntimeReport told;
  bool is_settled = true;

  agent::Container& run(std::string const& id, std::string name = "n") {
    auto& its = containers[id];
    its.id = id;
    its.name = std::move(name);
    its.running = true;
    its.started_ns = 1;
    return its;
  }
  void exit(std::string const& id, std::int64_t code) {
    events.push_back({agent::RuntimeEvent::Kind::exit, containers[id], 1, code, false});
  }

  std::vector<agent::Container> snapshot() override {
    std::vector<agent::Container> all;
    for (auto const& [id, container] : containers) all.push_back(container);
    return all;
  }
  std::vector<agent::RuntimeEvent> take_events() override { return std::exchange(events, {}); }
  // Each is told as ended, with a code of its own.
  std::int64_t missed_code = 40;
  bool answers_missed = true;
  WallTime missed_seen{};
  void missed(std::vector<agent::Container> lives, WallTime seen) override {
    missed_seen = seen;
    if (!answers_missed) return;
    for (auto& life : lives)
      events.push_back({agent::RuntimeEvent::Kind::exit, std::move(life), 1, missed_code++, false});
  }
  void events_kept() override {}
  agent::RuntimeReport report() const override { return told; }
  bool settled() const override { return is_settled; }
};

}  // namespace dadvisor::test
