#pragma once
// Which counters of which stage stand on the aggregator's own /metrics page.

#include "aggregator/alert/engine.hpp"
#include "aggregator/ingest/ingest.hpp"
#include "aggregator/notify/notifier.hpp"
#include "aggregator/pipeline.hpp"
#include "aggregator/sink/carbon_sink.hpp"
#include "aggregator/store/store.hpp"
#include "common/self/self_metrics.hpp"

namespace dadvisor::aggregator {

// The stages whose counters are shown; all must outlive the page. `carbon` may be null.
struct Stages {
  store::Store const& store;
  ingest::Ingest const& ingest;
  Pipeline const& pipeline;
  alert::AlertEngine const& alerts;
  notify::Notifier const& notifier;
  sink::CarbonSink const* carbon;
};

// The page is to be read on the thread that owns Ingest: the loop's.
self::SelfMetrics own_metrics(Stages const& stages);

}  // namespace dadvisor::aggregator
