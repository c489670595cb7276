#include "agent/agent.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

#include "agent/footprint.hpp"
#include "agent/sample/container_labels.hpp"

namespace dadvisor::agent {

using namespace std::chrono_literals;

SamplerOptions sampler_options(Settings const& settings) {
  SamplerOptions options;
  options.agent_id = settings.agent_id;
  options.cluster = settings.cluster;
  options.step = settings.step;
  options.services = settings.services == "always"  ? Services::always
                     : settings.services == "never" ? Services::never
                                                    : Services::when_no_runtime;
  options.nested = settings.nested;
  options.blkio_enable = settings.blkio_enable;
  options.host.proc_root = settings.proc_root;
  options.host.sys_root = settings.sys_root;
  options.hierarchies.proc_root = settings.proc_root;
  options.hierarchies.mount_prefix = settings.cgroup_prefix;
  return options;
}

std::unique_ptr<DiskWalker> walk_disks(Settings const& settings) {
  if (settings.disk_pace == Nanoseconds::zero()) return nullptr;
  DiskWalkerOptions options;
  options.pace = settings.disk_pace;
  return std::make_unique<DiskWalker>(options);
}

Agent::Agent(Settings settings, Credentials credentials, http::Loop& loop, Clock const& clock,
             Log log)
    : settings_(std::move(settings)),
      loop_(loop),
      clock_(clock),
      log_(std::move(log)),
      started_(clock.monotonic()),
      started_wall_(clock.wall()),
      give_back_due_(started_ + 2 * settings_.step),
      tls_(credentials.tls) {
  http::ServerOptions listening;
  listening.host = settings_.listen.host;
  listening.port = settings_.listen.port;
  listening.body_limit = 64 << 10;
  listening.max_connections = 256;
  auto const answer = [this](http::Request request, http::Responder respond) {
    AgentHealth const health{started_, last_batch_, settings_.step};
    respond(agent_page(request, figures(), containers_, health, clock_.monotonic()));
  };
  auto server = http::Server::listen(loop_, std::move(listening), answer, log_.named("http"));
  if (!server) throw std::runtime_error(server.error().context);
  server_ = std::move(*server);

  SenderOptions sending;
  sending.agent = settings_.agent_id;
  sending.aggregators = settings_.aggregators;
  sending.fail_over_after = settings_.fail_over_after;
  sending.token = std::move(credentials.token);
  sending.tls = tls_;
  sending.spool.directory = settings_.data_dir + "/spool";
  sending.spool.max_bytes = settings_.spool_bytes;
  sending.spool.max_age = settings_.spool_age;
  sending.strict = settings_.strict;
  sender_ = std::make_unique<Sender>(std::move(sending), loop_, clock_, log_.named("send"));

  SamplerOptions sampling = sampler_options(settings_);
  sampling.epoch = sender_->counters().epoch;
  slots_.emplace(settings_.data_dir + "/slots", sampling.epoch, clock_.wall());
  sampling.first_slot = slots_->first();
  disks_ = walk_disks(settings_);
  sampling.disks = disks_.get();
  sampler_.emplace(std::move(sampling), clock_, log_.named("sample"));
  watched_ = loop_.when_readable(sampler_->watch_descriptor(), [this] {
    sampler_->attend();
    glance();
  });
  runtimes_.emplace(
      settings_, loop_, clock_, log_, [this](std::string const& id) { sampler_->refresh(id); },
      settings_.data_dir + "/containers");
  settled_.emplace(loop_, clock_, *runtimes_, [this] {
    ticker_.emplace(loop_, clock_, settings_.step, [this](WallTime at) { tick(at); });
  });
  log_.info("{} of cluster {}: every {} to {}, pages at {}, spool in {}",
            printable(settings_.agent_id), printable(settings_.cluster),
            config::duration_text(settings_.step),
            printable(fmt::format("{}", fmt::join(settings_.aggregators, ", "))),
            config::to_string({settings_.listen.host, server_->port()}), settings_.data_dir);
}

Agent::~Agent() = default;

void Agent::glance() {
  // One timer for all: who came since looks earlier than what it waits for.
  auto const next = sampler_->glance();
  if (!next) return;
  constexpr Nanoseconds near = 1ms;
  auto const now = clock_.monotonic();
  if (glance_due_ && *glance_due_ > now && *glance_due_ <= now + *next + near) return;
  glance_due_ = now + *next;
  glance_timer_ = loop_.after(*next, [this] {
    glance_due_.reset();
    glance();
  });
}

void Agent::tick(WallTime at) {
  auto const sending = sender_->counters();
  SelfFigures self;
  self.spool_bytes = static_cast<std::int64_t>(sending.spool.bytes);
  self.dropped_rows = static_cast<std::int64_t>(sending.dropped_rows);
  if (sending.clock_offset)
    self.clock_offset_us =
        std::chrono::duration_cast<std::chrono::microseconds>(*sending.clock_offset).count();
  sampler_->set_self(self);
  auto const containers = runtimes_->snapshot();
  for (auto& event : runtimes_->take_events())
    if (!is_sandbox(event.container)) events_.push_back(std::move(event));
  auto const before = clock_.monotonic();
  auto batch = sampler_->sample(at, containers, runtimes_->state(), events_);
  auto const after = clock_.monotonic();
  runtimes_->look(sampler_->has_strangers());
  sampled_.sampling_seconds += std::chrono::duration<double>(after - before).count();
  if (!batch) {
    log_.debug("no rows at {}: {}", unix_seconds(at), to_string(batch.error()));
    return;
  }
  for (auto const& event : events_)
    batch->events.push_back(container_event(event, settings_.cluster, settings_.agent_id));
  ++sampled_.ticks;
  sampled_.rows += batch->rows.size();
  sampled_.containers = batch->rows.empty() ? 0 : batch->rows.size() - 1;
  sampled_.last_tick = static_cast<double>(unix_seconds(at));
  last_batch_ = after;
  if (auto const kept = slots_->reserve(sampler_->next_slot()); !kept) {
    log_.warning("{}; after a restart slots go on from the clock", to_string(kept.error()));
  }
  auto const taken = std::make_shared<Batch>(std::move(*batch));
  sender_->submit(taken);
  events_.clear();
  runtimes_->events_kept();
  containers_.show(taken, sampler_->cgroup_mode() == CgroupMode::v2,
                   [this](std::string const& id) { return facts_of(id); });
  if (after < give_back_due_) return;
  constexpr Nanoseconds pace = 10min;
  give_back_due_ = after + pace;
  give_back_memory();
}

std::optional<ContainerFacts> Agent::facts_of(std::string const& id) const {
  auto const known = sampler_->find(id);
  if (!known) return std::nullopt;
  return ContainerFacts{known->cgroup, known->container.labels};
}

AgentFigures Agent::figures() const {
  AgentFigures all = sampled_;
  all.start_time = std::chrono::duration<double>(started_wall_.time_since_epoch()).count();
  all.skipped_ticks = ticker_ ? ticker_->skipped() : 0;
  auto const& sampling = sampler_->stats();
  all.late_ticks = sampling.late_ticks;
  all.late_readings = sampling.late_readings;
  all.vanished = sampling.vanished;
  all.unreadable = sampling.unreadable;
  all.last_rows = sampling.last_rows;
  all.last_rows_by_parent = sampling.told_by_parents;
  all.missed_ends = sampling.missed_ends;
  all.net_links = sampling.net_links;
  all.io_processes = sampling.io_processes;
  all.io_unaccounted = sampling.io_unaccounted;
  all.io_buffered_writes = sampler_->io_buffered_writes();
  all.net_files = sampling.net_files;
  auto const runtimes = runtimes_->report();
  all.docker = {runtimes.docker.up, runtimes.docker.counters};
  all.containerd = {runtimes.containerd.up, runtimes.containerd.counters};
  all.events_dropped = runtimes.dropped;
  if (auto const* resolver = runtimes_->resolver()) {
    auto const& counters = resolver->counters();
    all.resolver = {resolver->up(), counters.connects, counters.failures, counters.malformed};
  }
  if (auto const* mesos = runtimes_->mesos()) {
    all.mesos_up = mesos->up();
    all.mesos_requests = mesos->counters().requests;
    all.mesos_failures = mesos->counters().failures;
    all.mesos_malformed = mesos->counters().malformed;
  }
  if (disks_) {
    auto const disks = disks_->counters();
    all.disk_counts = disks.walks;
    all.disk_quotas = disks.quotas;
    all.disk_failures = disks.failures;
    all.disk_partial = disks.partial;
    all.disk_seconds = disks.cpu_seconds;
  }
  auto const sending = sender_->counters();
  all.aggregator_up = sending.connected;
  all.epoch = sending.epoch;
  all.batches_sent = sending.submitted;
  all.batches_acknowledged = sending.acknowledged;
  all.batches_refused = sending.refused;
  all.batches_set_aside = sending.set_aside;
  all.batches_lost = sending.lost;
  all.batches_thinned = sending.thinned;
  all.batches_unfit = sending.unfit;
  all.batches_waiting = sending.waiting;
  all.requests = sending.requests;
  all.failed_requests = sending.failed_requests;
  all.conflicts = sending.conflicts;
  all.fail_overs = sending.fail_overs;
  all.aggregator = sending.aggregator;
  all.key_frames = sending.key_frames;
  all.delta_frames = sending.delta_frames;
  all.frame_bytes = sending.frame_bytes;
  all.spool_bytes = sending.spool.bytes;
  all.spool_batches = sending.spool.batches;
  all.spool_damaged = sending.spool.damaged;
  all.spool_dropped_full = sending.spool.dropped_full;
  all.spool_dropped_old = sending.spool.dropped_old;
  all.spool_write_failures = sending.spool.write_failures;
  if (tls_) {
    auto const tls = tls_->counts();
    all.tls_reloads = tls.reloads;
    all.tls_refused_reloads = tls.refused_reloads;
    if (tls.expires) all.tls_expires = static_cast<double>(unix_seconds(*tls.expires));
  }
  auto const serving = server_->counts();
  all.http_requests = serving.requests;
  all.http_refused = serving.refused;
  return all;
}

void Agent::finish() {
  ticker_.reset();
  settled_.reset();
  server_->stop();
  sender_->flush_for_exit();
  log_.info("ended after {} ticks", sampled_.ticks);
}

}  // namespace dadvisor::agent
