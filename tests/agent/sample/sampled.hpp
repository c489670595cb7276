#pragma once
// A sampler over a FakeHost, and what is looked at in its batches.

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "agent/sample/sampler.hpp"
#include "tests/agent/sample/fake_host.hpp"

namespace dadvisor::test {

struct Sampled {
  explicit Sampled(FakeHost& of, agent::SamplerOptions options)
      : host(of), sampler(std::move(options), of.clock, Log("test", LogLevel::error)) {}
  explicit Sampled(FakeHost& of) : Sampled(of, of.options()) {}

  // `docker`: whether it is up to date.
  Batch tick(std::vector<agent::Container> const& containers, bool docker = true,
             std::vector<agent::RuntimeEvent> const& events = {}) {
    agent::RuntimeState runtimes;
    runtimes.docker = docker;
    return tick_of_runtimes(containers, runtimes, events);
  }
  Batch tick_of_runtimes(std::vector<agent::Container> const& containers,
                         agent::RuntimeState const& runtimes,
                         std::vector<agent::RuntimeEvent> const& events = {}) {
    host.clock.advance(std::chrono::seconds(10));
    auto batch = sampler.sample(tick_of(host.clock.wall(), std::chrono::seconds(10)), containers,
                                runtimes, events);
    REQUIRE(batch);
    check_shape(*batch);
    return *batch;
  }
  // What every batch must keep to.
  static void check_shape(Batch const& batch) {
    REQUIRE(batch.rows.size() == batch.entities.size());
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      REQUIRE(batch.rows[i].slot == batch.entities[i].slot);
      REQUIRE((i == 0 || batch.rows[i - 1].slot < batch.rows[i].slot));
      REQUIRE(batch.rows[i].cells.size() == batch.schemas.at(batch.rows[i].schema).metrics.size());
      REQUIRE(std::ranges::is_sorted(batch.entities[i].entity.labels));
    }
  }

  FakeHost& host;
  agent::Sampler sampler;
};

inline SlotEntity const* find(Batch const& batch, std::string const& id) {
  for (auto const& one : batch.entities)
    if (one.entity.key.container_id == id) return &one;
  return nullptr;
}

inline Cell cell(Batch const& batch, std::string const& id, MetricId metric) {
  auto const* entity = find(batch, id);
  REQUIRE(entity);
  auto const row = std::ranges::find(batch.rows, entity->slot, &Row::slot);
  REQUIRE(row != batch.rows.end());
  auto const& metrics = batch.schemas.at(row->schema).metrics;
  auto const at = std::ranges::find(metrics, metric);
  REQUIRE(at != metrics.end());
  return row->cells[static_cast<std::size_t>(at - metrics.begin())];
}

inline std::string label(Batch const& batch, std::string const& id, std::string const& key) {
  auto const* entity = find(batch, id);
  REQUIRE(entity);
  for (auto const& [name, value] : entity->entity.labels)
    if (name == key) return std::string(value);
  return "";
}

}  // namespace dadvisor::test
