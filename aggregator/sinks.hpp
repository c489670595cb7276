#pragma once
// Where figures go besides our own store, as the settings say. Made and destroyed in main; ready()
// and changed() from any thread.

#include <memory>

#include "aggregator/series/store_series_source.hpp"
#include "aggregator/settings.hpp"
#include "aggregator/sink/carbon_sink.hpp"
#include "aggregator/sink/remote_write_sink.hpp"
#include "common/core/clock.hpp"
#include "common/core/config/option_table.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator {

struct Sinks {
  std::unique_ptr<sink::CarbonSink> carbon;             // null: no carbon
  std::unique_ptr<sink::RemoteWriteSink> remote_write;  // null: nobody

  void ready(WallTime tick);
  void changed(WallTime tick);
};

// Ends the program with one line where a setting is of no use. Source and clock must outlive it.
Sinks open_sinks(Settings const& settings, config::OptionTable const& table,
                 series::StoreSeriesSource const& source, Clock const& clock, Log const& log);

}  // namespace dadvisor::aggregator
