#include "agent/export/agent_figures.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace dadvisor::agent {
namespace {

// Writes families in the order in which they are given; several series of one name come together.
class Page {
 public:
  template <typename Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    family(name, "gauge", help);
    series(name, "", value);
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, "counter", help);
    series(name, "", value);
  }
  void family(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_),
                   "# HELP dadvisor_agent_{0} {1}\n# TYPE dadvisor_agent_{0} {2}\n", name, help,
                   type);
  }
  template <typename Number>
  void series(std::string_view name, std::string_view labels, Number value) {
    fmt::format_to(std::back_inserter(text_), "dadvisor_agent_{}{} {}\n", name, labels, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_sampling(Page& page, AgentFigures const& f) {
  page.gauge("start_time_seconds", "When this run of the agent began, since 1970.", f.start_time);
  page.counter("ticks_total", "Ticks at which rows were taken.", f.ticks);
  page.family("missed_ticks_total", "counter", "Ticks at which no rows were taken, by reason.");
  page.series("missed_ticks_total", "{reason=\"late\"}", f.late_ticks);
  page.series("missed_ticks_total", "{reason=\"skipped\"}", f.skipped_ticks);
  if (f.last_tick) {
    page.gauge("last_tick_seconds", "The last tick at which rows were taken, since 1970.",
               *f.last_tick);
  }
  page.family("sampling_seconds_total", "counter", "Time spent in taking rows.");
  page.series("sampling_seconds_total", "", f.sampling_seconds);
  page.gauge("containers", "Containers in the last batch.", f.containers);
  page.counter("rows_total", "Rows taken.", f.rows);
  page.family("missed_readings_total", "counter", "Containers left out of a batch, by reason.");
  page.series("missed_readings_total", "{reason=\"late\"}", f.late_readings);
  page.series("missed_readings_total", "{reason=\"vanished\"}", f.vanished);
  page.series("missed_readings_total", "{reason=\"unreadable\"}", f.unreadable);
}

void write_docker(Page& page, AgentFigures const& f) {
  page.gauge("docker_up", "Whether the Docker daemon answers and all its containers are known.",
             f.docker_up ? 1 : 0);
  page.counter("docker_reconnects_total", "Times the Docker daemon was found again.",
               f.docker_reconnects);
  page.counter("docker_failures_total", "Broken or missing answers of the Docker daemon.",
               f.docker_failures);
  page.counter("docker_malformed_total", "Answers of the Docker daemon that made no sense.",
               f.docker_malformed);
  page.counter("docker_events_total", "Events of the Docker daemon.", f.docker_events);
  page.counter("container_starts_total", "Containers started, as Docker tells.", f.docker_starts);
  page.counter("container_exits_total", "Containers ended, as Docker tells.", f.docker_exits);
  page.counter("container_ooms_total", "Out-of-memory events, as Docker tells.", f.docker_ooms);
  page.counter("container_untold_total", "Lives that ended before they could be inspected.",
               f.docker_untold);
  page.counter("container_dropped_events_total", "Exits and kills that found no place.",
               f.docker_dropped);
}

void write_sending(Page& page, AgentFigures const& f) {
  page.gauge("aggregator_up", "Whether the aggregator accepted the last hello.",
             f.aggregator_up ? 1 : 0);
  page.gauge("epoch", "Epoch of the stream; it rises only when the spool was lost.", f.epoch);
  page.counter("batches_total", "Batches handed to the sender.", f.batches_sent);
  page.counter("batches_acknowledged_total",
               "Batches that the aggregator has on disk or is done with.", f.batches_acknowledged);
  page.family("batches_dropped_total", "counter",
              "Batches that never reached the store, by reason.");
  page.series("batches_dropped_total", "{reason=\"refused\"}", f.batches_refused);
  page.series("batches_dropped_total", "{reason=\"malformed\"}", f.batches_set_aside);
  page.series("batches_dropped_total", "{reason=\"unsent\"}", f.batches_lost);
  page.series("batches_dropped_total", "{reason=\"too_large\"}", f.batches_unfit);
  page.gauge("batches_waiting", "Batches that are not acknowledged yet.", f.batches_waiting);
  page.counter("requests_total", "Requests sent to the aggregator.", f.requests);
  page.counter("failed_requests_total", "Requests without a useful answer.", f.failed_requests);
  page.counter("conflicts_total", "Hellos refused, as another agent speaks under this id.",
               f.conflicts);
  page.family("frames_total", "counter", "Frames sent, by kind.");
  page.series("frames_total", "{kind=\"key\"}", f.key_frames);
  page.series("frames_total", "{kind=\"delta\"}", f.delta_frames);
  page.counter("frame_bytes_total", "Bytes of frames sent.", f.frame_bytes);
}

void write_spool(Page& page, AgentFigures const& f) {
  page.gauge("spool_bytes", "Bytes of the spool on disk.", f.spool_bytes);
  page.gauge("spool_batches", "Batches in the spool that are not acknowledged.", f.spool_batches);
  page.counter("spool_damaged_total", "Places in the spool that were damaged and skipped.",
               f.spool_damaged);
  page.family("spool_dropped_total", "counter", "Batches dropped from the spool, by reason.");
  page.series("spool_dropped_total", "{reason=\"full\"}", f.spool_dropped_full);
  page.series("spool_dropped_total", "{reason=\"old\"}", f.spool_dropped_old);
  page.counter("spool_write_failures_total", "Writes to the spool that failed.",
               f.spool_write_failures);
}

}  // namespace

std::string metrics_page(AgentFigures const& figures) {
  Page page;
  page.family("info", "gauge", "The version of this agent.");
  page.series("info", "{version=\"" DADVISOR_VERSION "\"}", 1);
  write_sampling(page, figures);
  write_docker(page, figures);
  write_sending(page, figures);
  write_spool(page, figures);
  page.counter("http_requests_total", "Requests to the agent's own pages.", figures.http_requests);
  page.counter("http_refused_total", "Requests that were malformed or too large.",
               figures.http_refused);
  return page.take();
}

}  // namespace dadvisor::agent
