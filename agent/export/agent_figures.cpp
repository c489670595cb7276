#include "agent/export/agent_figures.hpp"

#include <fmt/format.h>

#include <string_view>

namespace dadvisor::agent {
namespace {

// Names with their prefix; several series of one name come together.
class Page {
 public:
  explicit Page(MetricsText& text) : text_(text) {}
  template <typename Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    family(name, MetricsText::Type::gauge, help);
    series("", value);
  }
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    family(name, MetricsText::Type::counter, help);
    series("", value);
  }
  void family(std::string_view name, MetricsText::Type type, std::string_view help) {
    text_.family(fmt::format("dadvisor_agent_{}", name), type, help);
  }
  // A family of several series.
  void counters(std::string_view name, std::string_view help) {
    family(name, MetricsText::Type::counter, help);
  }
  template <typename Number>
  void series(std::string_view labels, Number value) {
    text_.series(labels, value);
  }

 private:
  MetricsText& text_;
};

void write_sampling(Page& page, AgentFigures const& f) {
  page.gauge("start_time_seconds", "When this run of the agent began, since 1970.", f.start_time);
  page.counter("ticks_total", "Ticks at which rows were taken.", f.ticks);
  page.counters("missed_ticks_total", "Ticks at which no rows were taken, by reason.");
  page.series("{reason=\"late\"}", f.late_ticks);
  page.series("{reason=\"skipped\"}", f.skipped_ticks);
  if (f.last_tick) {
    page.gauge("last_tick_seconds", "The last tick at which rows were taken, since 1970.",
               *f.last_tick);
  }
  page.counters("sampling_seconds_total", "Time spent in taking rows.");
  page.series("", f.sampling_seconds);
  page.gauge("containers", "Containers in the last batch.", f.containers);
  page.counter("rows_total", "Rows taken.", f.rows);
  page.counters("missed_readings_total", "Containers left out of a batch, by reason.");
  page.series("{reason=\"late\"}", f.late_readings);
  page.series("{reason=\"vanished\"}", f.vanished);
  page.series("{reason=\"unreadable\"}", f.unreadable);
  page.counter("last_rows_total", "Containers whose counters were read when they ended.",
               f.last_rows);
  page.counter("last_rows_by_parent_total",
               "Of these, removed before they could be read: their CPU by their parent's counter.",
               f.last_rows_by_parent);
  page.counter("missed_ends_total",
               "Containers that ended with nothing read since the tick before (or ever).",
               f.missed_ends);
  page.gauge("io_unaccounted", "Whether cgroup v1 counts no disk I/O of containers on some disk.",
             f.io_unaccounted ? 1 : 0);
  if (f.io_buffered_writes) {
    page.gauge("io_buffered_writes",
               "Whether containers' disk I/O has buffered writes in it, which cgroup v1 charges to "
               "none of them.",
               *f.io_buffered_writes ? 1 : 0);
  }
  page.counter("io_process_readings_total",
               "Readings of containers' disk I/O by their processes' own accounts.",
               f.io_processes);
  page.counters("network_readings_total",
                "Readings of containers' networks, by what told them: the host's ends of their "
                "links, all at once, or a file of a process.");
  page.series("{from=\"links\"}", f.net_links);
  page.series("{from=\"process\"}", f.net_files);
}

void write_runtime(Page& page, std::string const& prefix, std::string const& called,
                   AgentFigures::Runtime const& f) {
  auto const& counters = f.counters;
  page.gauge(prefix + "_up", "Whether " + called + " answers and all its containers are known.",
             f.up ? 1 : 0);
  page.counter(prefix + "_reconnects_total", "Times " + called + " was found again.",
               counters.connects > 0 ? counters.connects - 1 : 0);
  page.counter(prefix + "_failures_total", "Broken or missing answers of " + called + ".",
               counters.failures);
  page.counter(prefix + "_malformed_total", "Answers of " + called + " that made no sense.",
               counters.malformed);
  page.counter(prefix + "_events_total", "Events of " + called + ".", counters.events);
}

void write_runtimes(Page& page, AgentFigures const& f) {
  write_runtime(page, "docker", "the Docker daemon", f.docker);
  write_runtime(page, "containerd", "containerd", f.containerd);
  if (f.resolver) {
    page.gauge("resolver_up", "Whether the resolver answers and has told all it knows.",
               f.resolver->up ? 1 : 0);
    page.counter("resolver_reconnects_total", "Times the resolver was found again.",
                 f.resolver->connects > 0 ? f.resolver->connects - 1 : 0);
    page.counter("resolver_failures_total", "Broken or missing answers of the resolver.",
                 f.resolver->failures);
    page.counter("resolver_malformed_total", "Answers of the resolver that made no sense.",
                 f.resolver->malformed);
  }
  page.gauge("mesos_up", "Whether the Mesos agent answered when it was asked last.",
             f.mesos_up ? 1 : 0);
  page.counter("mesos_requests_total", "Requests to the Mesos agent.", f.mesos_requests);
  page.counter("mesos_failures_total", "Broken or missing answers of the Mesos agent.",
               f.mesos_failures);
  page.counter("mesos_malformed_total", "Answers of the Mesos agent that made no sense.",
               f.mesos_malformed);
  auto const sum = [&](std::uint64_t RuntimeCounters::*counter) {
    return f.docker.counters.*counter + f.containerd.counters.*counter;
  };
  page.counter("container_starts_total", "Containers started, as the runtimes tell.",
               sum(&RuntimeCounters::starts));
  page.counter("container_exits_total", "Containers ended, as the runtimes tell.",
               sum(&RuntimeCounters::exits));
  page.counter("container_ooms_total", "Out-of-memory events, as the runtimes tell.",
               sum(&RuntimeCounters::ooms));
  page.counter("container_untold_total", "Lives that ended before they could be asked about.",
               sum(&RuntimeCounters::untold));
  page.counter("container_dropped_events_total", "Exits and kills that found no place.",
               sum(&RuntimeCounters::dropped) + f.events_dropped);
}

void write_disks(Page& page, AgentFigures const& f) {
  page.counter("disk_counts_total", "Counts of what a layer or volume holds.", f.disk_counts);
  page.counter("disk_quotas_total", "Such counts that a project quota told, without a walk.",
               f.disk_quotas);
  page.counter("disk_failures_total", "Layers and volumes that could not be read.",
               f.disk_failures);
  page.gauge("disk_partial", "Layers and volumes too large to count: their figures are too low.",
             f.disk_partial);
  page.counters("disk_seconds_total", "CPU time of counting.");
  page.series("", f.disk_seconds);
}

void write_sending(Page& page, AgentFigures const& f) {
  page.gauge("aggregator_up", "Whether the aggregator accepted the last hello.",
             f.aggregator_up ? 1 : 0);
  page.gauge("epoch", "Epoch of the stream; it rises only when the spool was lost.", f.epoch);
  page.counter("batches_total", "Batches handed to the sender.", f.batches_sent);
  page.counter("batches_acknowledged_total",
               "Batches that the aggregator has on disk or is done with.", f.batches_acknowledged);
  page.counters("batches_dropped_total", "Batches that never reached the store, by reason.");
  page.series("{reason=\"refused\"}", f.batches_refused);
  page.series("{reason=\"malformed\"}", f.batches_set_aside);
  page.series("{reason=\"unsent\"}", f.batches_lost);
  page.series("{reason=\"thinned\"}", f.batches_thinned);
  page.series("{reason=\"too_large\"}", f.batches_unfit);
  page.gauge("batches_waiting", "Batches that are not acknowledged yet.", f.batches_waiting);
  page.counter("requests_total", "Requests sent to the aggregator.", f.requests);
  page.counter("failed_requests_total", "Requests without a useful answer.", f.failed_requests);
  page.counter("conflicts_total", "Hellos refused, as another agent speaks under this id.",
               f.conflicts);
  page.counter("fail_overs_total", "Changes of the aggregator that is sent to, there and back.",
               f.fail_overs);
  page.gauge("aggregator", "Which aggregator of the list is sent to, the first being 0.",
             f.aggregator);
  page.counters("frames_total", "Frames sent, by kind.");
  page.series("{kind=\"key\"}", f.key_frames);
  page.series("{kind=\"delta\"}", f.delta_frames);
  page.counter("frame_bytes_total", "Bytes of frames sent.", f.frame_bytes);
  page.counter("tls_reloads_total", "Changed files of TLS that were taken.", f.tls_reloads);
  page.counter("tls_reloads_refused_total",
               "Changed files of TLS that were wrong: the old ones stayed.", f.tls_refused_reloads);
  if (f.tls_expires)
    page.gauge("tls_expires_seconds", "When the certificate shown to the aggregator expires.",
               *f.tls_expires);
}

void write_spool(Page& page, AgentFigures const& f) {
  page.gauge("spool_bytes", "Bytes of the spool on disk.", f.spool_bytes);
  page.gauge("spool_batches", "Batches in the spool that are not acknowledged.", f.spool_batches);
  page.counter("spool_damaged_total", "Places in the spool that were damaged and skipped.",
               f.spool_damaged);
  page.counters("spool_dropped_total", "Batches dropped from the spool, by reason.");
  page.series("{reason=\"full\"}", f.spool_dropped_full);
  page.series("{reason=\"old\"}", f.spool_dropped_old);
  page.counter("spool_write_failures_total", "Writes to the spool that failed.",
               f.spool_write_failures);
}

}  // namespace

void write_figures(AgentFigures const& figures, MetricsText& into) {
  Page page(into);
  page.family("info", MetricsText::Type::gauge, "The version of this agent.");
  page.series("{version=\"" DADVISOR_VERSION "\"}", 1);
  write_sampling(page, figures);
  write_runtimes(page, figures);
  write_disks(page, figures);
  write_sending(page, figures);
  write_spool(page, figures);
  page.counter("http_requests_total", "Requests to the agent's own pages.", figures.http_requests);
  page.counter("http_refused_total", "Requests that were malformed or too large.",
               figures.http_refused);
}

}  // namespace dadvisor::agent
