#pragma once
// What a mail shows of the figures: the rule's own target as a picture with its threshold and the
// time it fired, the worst series and the events of the hour before. Evaluated by the same code
// as the rule.
//
// Called on the threads of channels; one at a time, since a picture is not worth two cores.

#include <mutex>

#include "aggregator/alert/subject.hpp"
#include "aggregator/notify/message_context.hpp"
#include "common/core/log.hpp"
#include "graphite-bridge/function.hpp"
#include "graphite-bridge/series.hpp"

namespace dadvisor::aggregator::notify {

class FiguresContext {
 public:
  // `source` must outlive it.
  FiguresContext(graphite::SeriesSource const& source, alert::LabelsOf labels_of, Log log);
  MessageContext of(alert::Transition const& notice) const;

 private:
  void add_worst(MessageContext& context, graphite::SeriesList const& sorted) const;
  // Of the instances behind an app's one series.
  void add_worst_of(MessageContext& context, alert::Transition const& notice,
                    graphite::Window const& window, graphite::Series const& app) const;
  void add_events(MessageContext& context, alert::Transition const& notice) const;

  std::string display_name(graphite::Series const& series) const;

  graphite::SeriesSource const& source_;
  alert::LabelsOf labels_of_;
  Log log_;
  mutable std::mutex one_at_a_time_;
};

// The instances behind an app's figure: "P.C.apps.APP.STAT.LEAF" -> "P.C.instances.APP.*.LEAF";
// empty for any other path.
std::string instances_target(std::string_view path);

}  // namespace dadvisor::aggregator::notify
