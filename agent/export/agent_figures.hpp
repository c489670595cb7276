#pragma once
// What the agent knows of itself, as plain numbers, and how Prometheus reads them. Every way in
// which a figure can get lost has its counter here. Pure.

#include <cstdint>
#include <optional>

#include "agent/export/metrics_text.hpp"
#include "agent/runtime/runtime_counters.hpp"

namespace dadvisor::agent {

struct AgentFigures {
  // Sampling.
  double start_time = 0;  // seconds since 1970
  std::uint64_t ticks = 0;
  std::uint64_t late_ticks = 0;
  std::uint64_t skipped_ticks = 0;
  double sampling_seconds = 0;  // spent, in all
  std::uint64_t containers = 0;
  std::uint64_t rows = 0;
  std::uint64_t late_readings = 0;
  std::uint64_t vanished = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t last_rows = 0;
  std::uint64_t last_rows_by_parent = 0;
  std::uint64_t missed_ends = 0;
  std::uint64_t io_processes = 0;
  bool io_unaccounted = false;
  std::optional<bool> io_buffered_writes;
  std::uint64_t net_links = 0;
  std::uint64_t net_files = 0;
  std::optional<double> last_tick;  // seconds since 1970

  // Container runtimes.
  struct Runtime {
    bool up = false;
    RuntimeCounters counters;
  };
  Runtime docker, containerd;
  std::uint64_t events_dropped = 0;  // beside the watchers' own
  // Of the one through which these are asked; nullopt: they are asked by ourselves.
  struct Resolver {
    bool up = false;
    std::uint64_t connects = 0;
    std::uint64_t failures = 0;
    std::uint64_t malformed = 0;
  };
  std::optional<Resolver> resolver;
  bool mesos_up = false;  // answered when it was asked last
  std::uint64_t mesos_requests = 0;
  std::uint64_t mesos_failures = 0;
  std::uint64_t mesos_malformed = 0;

  // Layers and volumes.
  std::uint64_t disk_counts = 0;
  std::uint64_t disk_quotas = 0;
  std::uint64_t disk_failures = 0;
  std::uint64_t disk_partial = 0;
  double disk_seconds = 0;  // of CPU

  // Sending.
  bool aggregator_up = false;
  std::uint64_t epoch = 0;
  std::uint64_t batches_sent = 0;
  std::uint64_t batches_acknowledged = 0;
  std::uint64_t batches_refused = 0;
  std::uint64_t batches_set_aside = 0;
  std::uint64_t batches_lost = 0;
  std::uint64_t batches_thinned = 0;
  std::uint64_t batches_unfit = 0;
  std::uint64_t batches_waiting = 0;
  std::uint64_t requests = 0;
  std::uint64_t failed_requests = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t fail_overs = 0;
  std::uint64_t aggregator = 0;  // which of the list, from 0
  std::uint64_t key_frames = 0;
  std::uint64_t delta_frames = 0;
  std::uint64_t frame_bytes = 0;

  // TLS to the aggregator.
  std::uint64_t tls_reloads = 0;
  std::uint64_t tls_refused_reloads = 0;
  std::optional<double> tls_expires;  // of the certificate that it shows, seconds since 1970

  // The spool.
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_batches = 0;
  std::uint64_t spool_damaged = 0;
  std::uint64_t spool_dropped_full = 0;
  std::uint64_t spool_dropped_old = 0;
  std::uint64_t spool_write_failures = 0;

  // Its own HTTP server.
  std::uint64_t http_requests = 0;
  std::uint64_t http_refused = 0;
};

// Families whose names begin with dadvisor_agent_.
void write_figures(AgentFigures const& figures, MetricsText& into);

}  // namespace dadvisor::agent
