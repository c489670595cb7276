#pragma once
// Where figures go besides our own store, as the settings say. Made and destroyed in main; ready()
// and changed() are one thread's.

#include <memory>
#include <vector>

#include "aggregator/series/store_series_source.hpp"
#include "aggregator/settings.hpp"
#include "aggregator/sink/carbon_sink.hpp"
#include "aggregator/sink/remote_write_sink.hpp"
#include "common/core/clock.hpp"
#include "common/core/config/option_table.hpp"
#include "common/core/log.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"

namespace dadvisor::aggregator {

struct Sinks {
  // carbon's lists and rules for what goes there; null: none.
  std::shared_ptr<graphite::CarbonDirectory> carbon_files;
  std::vector<std::unique_ptr<sink::CarbonSink>> carbons;
  std::unique_ptr<sink::RemoteWriteSink> remote_write;  // null: nobody

  void ready(WallTime tick);
  void changed(WallTime tick);
  // Of all carbons together: connected when all are, the cursor of the one that is farthest behind.
  sink::CarbonCounters carbon_counters() const;
};

// Ends the program with one line where a setting is of no use. Source and clock must outlive it.
Sinks open_sinks(Settings const& settings, config::OptionTable const& table,
                 series::StoreSeriesSource const& source, Clock const& clock, Log const& log);

}  // namespace dadvisor::aggregator
