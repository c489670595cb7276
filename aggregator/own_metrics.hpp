#pragma once
// Which counters of which stage stand on the aggregator's own /metrics page.

#include <functional>

#include "aggregator/alert/engine.hpp"
#include "aggregator/alert/rule_directory.hpp"
#include "aggregator/api/event_stream.hpp"
#include "aggregator/api/query_counts.hpp"
#include "aggregator/event/announcer.hpp"
#include "aggregator/event/event_watch.hpp"
#include "aggregator/ingest/host_tokens.hpp"
#include "aggregator/ingest/ingest.hpp"
#include "aggregator/notify/notifier.hpp"
#include "aggregator/notify/notify_file_watch.hpp"
#include "aggregator/pipeline.hpp"
#include "aggregator/point_receivers.hpp"
#include "aggregator/sinks.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/clock.hpp"
#include "common/http/server.hpp"
#include "common/self/self_metrics.hpp"

namespace dadvisor::aggregator {

// The stages whose counters are shown; all must outlive the page.
struct Stages {
  store::Store const& store;
  ingest::Ingest const& ingest;
  Pipeline const& pipeline;
  event::EventWatch const& events;
  event::Announcer const& announcer;
  api::EventStream const& stream;
  alert::AlertEngine const& alerts;
  notify::Notifier const& notifier;
  alert::RuleDirectory const& rules;
  notify::NotifyFileWatch const& notify_file;
  Sinks const& sinks;
  PointReceivers const* points;  // may be null
  std::function<http::ServerCounts()> http;
  api::QueryCounts const& queries;
  bool tls;                               // whether it serves by TLS
  ingest::HostTokens const* host_tokens;  // may be null
  Clock const& clock;
  WallTime started;
};

// How far behind the agents' streams are.
struct Lag {
  std::size_t streams = 0;     // known
  std::size_t spoken = 0;      // of them, since the start
  std::size_t late = 0;        // whose newest tick is older than a minute, or that never spoke
  Nanoseconds greatest{};      // age of the newest tick, of those that spoke
  std::size_t clocks_off = 0;  // whose clock is more than 5 s from ours
};
Lag lag_of(std::vector<ingest::StreamView> const& streams, WallTime now);

// The page is to be read on the thread that owns Ingest: the loop's.
self::SelfMetrics own_metrics(Stages const& stages);

}  // namespace dadvisor::aggregator
