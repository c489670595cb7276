#include "agent/sample/sampler.hpp"

#include <algorithm>
#include <tuple>

#include "agent/cgroup/io_accounting.hpp"
#include "agent/host/process_start.hpp"
#include "agent/sample/life.hpp"
#include "agent/sample/process.hpp"
#include "agent/sample/process_io.hpp"

namespace dadvisor::agent {

namespace {

namespace m = metric;

constexpr std::uint32_t host_schema = 0;

}  // namespace

Sampler::Sampler(SamplerOptions options, Clock const& clock, Log log)
    : options_(std::move(options)),
      clock_(clock),
      log_(std::move(log)),
      host_layout_(host_layout()),
      container_layout_(container_layout()),
      host_(options_.host),
      descriptors_(options_.host.proc_root),
      watch_(options_.host.proc_root == "/proc"),
      briefs_(brief_sampling()),
      host_slot_(options_.first_slot),
      next_slot_(options_.first_slot + 1) {
  if (HostLinks::usable(options_.host.proc_root)) links_.emplace();
}

Sampler::~Sampler() = default;

CgroupMode Sampler::cgroup_mode() const {
  return hierarchies_ ? hierarchies_->mode() : CgroupMode::none;
}

std::optional<bool> Sampler::io_buffered_writes() const {
  if (!hierarchies_) return std::nullopt;
  return hierarchies_->v1("blkio") == nullptr;
}

std::optional<KnownContainer> Sampler::find(std::string_view id) const {
  auto const life = lives_.find(id);
  if (life == lives_.end()) return std::nullopt;
  return KnownContainer{life->second->path, life->second->container};
}

void Sampler::refresh(std::string_view container_id) { refresh_.emplace(container_id); }

bool Sampler::late(WallTime tick) const { return clock_.wall() - tick > options_.step / 2; }

Result<Batch> Sampler::sample(WallTime tick, std::span<Container const> containers,
                              RuntimeState const& runtimes, std::span<RuntimeEvent const> events) {
  if (late(tick)) {
    ++stats_.late_ticks;
    return Error{Errc::timeout, 0, "tick " + std::to_string(unix_seconds(tick)) + ": too late"};
  }
  discover();
  Batch batch;
  batch.stream = {options_.agent_id, options_.epoch};
  batch.tick = tick;
  batch.step = options_.step;
  batch.schemas = {host_layout_.schema(), container_layout_.schema()};
  HostReading host;
  HostFacts const facts = facts_ = read_host(host);
  briefs_.set(hierarchies_ ? &*hierarchies_ : nullptr, facts);
  attend();
  settle_missed(true);
  reconcile(containers, runtimes);
  end_brief_lives(containers, runtimes, events);
  want_disks();

  std::vector<Life*> lives;
  for (auto const& [id, life] : lives_) lives.push_back(life.get());
  std::vector<PendingNet> pending;
  std::vector<Row> rows;
  rows.reserve(lives.size());
  for (Life* life : lives) {
    if (late(tick)) {
      ++stats_.late_readings;
      continue;
    }
    if (auto row = read(*life, tick, runtimes.any(), facts, pending))
      rows.push_back(std::move(*row));
  }
  give_last_rows(batch, lives, rows);
  unaccounted_.read(buffer_);
  // By slot only now: a life may have been given another one while it was read.
  std::ranges::sort(lives, {}, &Life::slot);
  std::ranges::sort(rows, {}, &Row::slot);
  batch.entities.reserve(rows.size() + 1);
  batch.entities.push_back(host_entity());
  auto row = rows.begin();
  for (Life const* life : lives)
    if (row != rows.end() && row->slot == life->slot) {
      batch.entities.push_back({life->slot, life->entity});
      ++row;
    }
  batch.rows.reserve(rows.size() + 1);
  batch.rows.push_back(host_row(host));
  std::ranges::move(rows, std::back_inserter(batch.rows));
  give_net(batch, pending);
  first_ = false;
  last_tick_ = tick;
  ended_.clear();
  refresh_.clear();
  names_.clear();
  follow_gone_anew();
  return batch;
}

HostFacts Sampler::read_host(HostReading& reading) {
  auto const now = clock_.monotonic();
  bool const slow = !slow_due_ || now >= *slow_due_;
  if (links_) links_->begin_tick();
  auto const own = [this](std::span<std::int32_t const> indexes) {
    return links_ ? links_->own_counters(indexes) : std::nullopt;
  };
  reading = host_.read(slow, buffer_, own);
  if (slow) {
    slow_due_ = now + options_.slow_pace;
    host_name_space_ = host_name_space(options_.host.proc_root);
    see_io_accounting();
  }
  return {reading.mem_total.value_or(0), reading.cpu_count.value_or(0), &host_.devices(),
          io_accounted_};
}

void Sampler::see_io_accounting() {
  if (!hierarchies_) return;
  auto uncounted = uncounted_devices(*hierarchies_, host_.busy_devices(), buffer_);
  if (!uncounted.empty() && options_.blkio_enable) {
    auto const started = start_counting(*hierarchies_, uncounted);
    if (started)
      log_.info("containers' disk I/O is counted from now on: a throttle rule was set once");
    else if (!told_blkio_)
      log_.warning("blkio_enable: {}", to_string(started.error()));
    told_blkio_ = told_blkio_ || !started;
    uncounted = uncounted_devices(*hierarchies_, host_.busy_devices(), buffer_);
  }
  io_accounted_ = uncounted.empty();
  if (!io_accounted_ && !stats_.io_unaccounted)
    log_.warning(
        "this kernel does not count containers' disk I/O on every disk (cgroup v1 counts from the "
        "first throttle rule on, since kernel 6.10; see blkio_enable): where it is not counted, "
        "io.*_bytes are by the processes' own accounts, if these may be read, and io.* else "
        "absent");
  stats_.io_unaccounted = !io_accounted_;
}

void Sampler::add_process_io(Life& life, CgroupReading& reading) {
  auto& read = reading.io_read_bytes;
  auto& written = reading.io_write_bytes;
  if (!io_accounted_) {
    auto const io = process_io(life.cgroup->directories().main(), options_.host.proc_root, buffer_);
    if (io) {
      // Each may lack what the other has: those of disks that are not counted, of ended processes.
      read = std::max(read.value_or(0), life.process_read_bytes.feed(io->read_bytes));
      written = std::max(written.value_or(0), life.process_write_bytes.feed(io->write_bytes));
      life.io_mixed = true;
      ++stats_.io_processes;
    }
  }
  if (!life.io_mixed) return;
  // From one account to the other a counter must not fall: its readers would count it from 0.
  if (read) read = life.io_read_bytes.feed(*read);
  if (written) written = life.io_write_bytes.feed(*written);
}

std::optional<Row> Sampler::read(Life& life, WallTime tick, bool runtime, HostFacts const& facts,
                                 std::vector<PendingNet>& pending) {
  auto const now = clock_.monotonic();
  if (!life.cgroup && !open(life, tick, runtime)) {
    // A living process without a cgroup that we could find still has a state and a network.
    bool const lives = life.from_runtime && !life.vanished &&
                       process_start_ns(options_.host.proc_root, life.container.pid, buffer_);
    if (!lives) {
      vanish(life);
      return std::nullopt;
    }
  }
  bool const slow = now >= life.slow_due || refresh_.contains(life.id);
  if (slow) {
    life.slow_due = now + options_.slow_pace;
    if (life.cgroup && !life.cgroup->directories().complete()) {
      auto again = CgroupReader::open(*hierarchies_, life.path);
      if (again && again->inode() == life.inode) life.cgroup = std::move(*again);
    }
  }
  Row row = container_layout_.row(life.slot, container_schema);
  if (life.cgroup) {
    auto reading = life.cgroup->read(facts, slow, buffer_);
    if (!reading && reading.error().code == Errc::gone) {
      vanish(life);
      return std::nullopt;
    }
    if (reading) {
      add_process_io(life, *reading);
      fill(container_layout_, row, *reading);
      account(life, reading->cpu_usage, tick);
      if (reading->io_new_device) host_.expect_new_device();
    } else {
      ++stats_.unreadable;
    }
  }
  if (slow && life.cgroup)
    life.descriptors = open_descriptors(life.cgroup->directories().main(), descriptors_, buffer_);
  container_layout_.set(row, m::proc_fds, life.descriptors);
  fill_state(life, tick, facts, row);
  read_disks(life, row);
  read_net(life, slow, pending);
  return row;
}

void Sampler::account(Life& life, std::optional<std::int64_t> cpu_usage, WallTime tick) {
  if (!cpu_usage || life.inside) return;
  // Of a life that is older than the tick before nobody knows what it used since then.
  bool const fresh = last_tick_ && *last_tick_ < tick &&
                     life.entity.key.start_ns > last_tick_->time_since_epoch().count();
  if (!life.cpu_seen) life.cpu_seen = fresh ? 0 : *cpu_usage;
  if (*cpu_usage <= *life.cpu_seen) return;
  unaccounted_.seen(life.path, *cpu_usage - *life.cpu_seen);
  life.cpu_seen = *cpu_usage;
}

void Sampler::fill_state(Life const& life, WallTime tick, HostFacts const& facts, Row& row) const {
  auto const& layout = container_layout_;
  layout.set(row, m::state_up, 1);
  if (life.entity.key.start_ns > 0) {
    std::int64_t const lived = tick.time_since_epoch().count() - life.entity.key.start_ns;
    layout.set(row, m::state_uptime, std::max<std::int64_t>(0, lived / 1'000'000'000));
  }
  if (life.from_runtime) {
    layout.set(row, m::state_restarts, life.container.restart_count);
    layout.set(row, m::state_paused, life.container.paused ? 1 : 0);
  }
  if (facts.cpus > 0) layout.set(row, m::cpu_host_cpus, facts.cpus);
}

void Sampler::want_disks() {
  if (!options_.disks) return;
  auto const version = options_.disks->version();
  disks_counted_ = version != disks_version_;
  disks_version_ = version;
  if (!disks_changed_) return;
  disks_changed_ = false;
  std::set<std::string> paths;
  for (auto const& [id, life] : lives_) {
    if (!life->container.layer.empty()) paths.insert(life->container.layer);
    paths.insert(life->container.volumes.begin(), life->container.volumes.end());
  }
  options_.disks->want(paths);
}

void Sampler::read_disks(Life& life, Row& row) const {
  if (!options_.disks) return;
  auto const& container = life.container;
  if ((disks_counted_ || !life.layer) && !container.layer.empty())
    life.layer = options_.disks->size_of(container.layer);
  if ((disks_counted_ || !life.volume_bytes) && !container.volumes.empty()) {
    std::int64_t bytes = 0;
    bool whole = true;
    for (auto const& volume : container.volumes) {
      auto const size = options_.disks->size_of(volume);
      whole = whole && size;
      if (size) bytes += size->bytes;
    }
    life.volume_bytes = whole ? std::optional(bytes) : std::nullopt;
  }
  if (life.layer) {
    container_layout_.set(row, m::fs_layer_bytes, life.layer->bytes);
    container_layout_.set(row, m::fs_layer_inodes, life.layer->inodes);
  }
  container_layout_.set(row, m::fs_volume_bytes, life.volume_bytes);
}

// What a process's cgroup holds if it is of that life.
std::string const& Sampler::belongs_to(Life const& life) {
  if (!life.from_runtime) return life.path;
  return life.container.cgroup.empty() ? life.id : life.container.cgroup;
}

void Sampler::read_net(Life& life, bool slow, std::vector<PendingNet>& pending) {
  if (life.container.network_mode == "host") return;
  std::int64_t pid = life.container.pid;
  if (!life.from_runtime) {
    // Any process of the container will do; another one is looked for when that has ended.
    if (!life.net && !slow) return;
    pid = life.net ? life.net_pid
                   : first_process(life.cgroup->directories().main(), buffer_).value_or(0);
  }
  if (pid <= 0) return;
  if (!life.net || life.net_pid != pid) {
    if (life.net_pid == pid && !slow) return;
    life.net_pid = pid;
    life.net.reset();
    auto net = NetReader::open(options_.host.proc_root, pid, belongs_to(life), buffer_);
    if (!net) return;
    life.net = std::move(*net);
    slow = true;
  }
  auto const reading = life.net->read(slow, buffer_, links_ ? &*links_ : nullptr, host_name_space_);
  if (!reading) {
    life.net.reset();
    return;
  }
  if (reading->name_space == host_name_space_) return;
  ++(reading->from_links ? stats_.net_links : stats_.net_files);
  if (slow) life.tcp = reading->tcp;
  pending.push_back({&life, life.slot, *reading});
}

void Sampler::give_net(Batch& batch, std::vector<PendingNet>& pending) {
  // A namespace is one instance's: of who made it (it has a network mode of its own), else of who
  // has had it, else of the eldest.
  auto const rank = [](PendingNet const& one) {
    bool const guest = one.life->container.network_mode.starts_with("container:");
    return std::make_tuple(one.reading.name_space, guest, !one.life->net_owner, one.slot);
  };
  std::ranges::sort(pending, {}, rank);
  std::uint64_t given = 0;
  for (auto const& one : pending) {
    Life& life = *one.life;
    life.net_owner = one.reading.name_space != given;
    if (!life.net_owner) continue;
    given = one.reading.name_space;
    auto const row = std::ranges::lower_bound(batch.rows, one.slot, {}, &Row::slot);
    NetCounters counters = one.reading.counters;
    std::int64_t* const figures[] = {
        &counters.rx_bytes, &counters.rx_packets, &counters.rx_errors, &counters.rx_drops,
        &counters.tx_bytes, &counters.tx_packets, &counters.tx_errors, &counters.tx_drops};
    for (std::size_t i = 0; i < std::size(figures); ++i)
      *figures[i] = life.net_sums[i].feed(*figures[i]);
    fill(container_layout_, *row, counters);
    TcpFigures tcp = life.tcp;
    tcp.retransmits = one.reading.tcp.retransmits;
    tcp.listen_drops = one.reading.tcp.listen_drops;
    fill(container_layout_, *row, tcp);
  }
}

Row Sampler::host_row(HostReading const& reading) const {
  auto const& layout = host_layout_;
  Row row = layout.row(host_slot_, host_schema);
  fill(layout, row, reading);
  auto const running = std::ranges::count_if(
      lives_, [](auto const& one) { return !one.second->vanished.has_value(); });
  layout.set(row, m::containers_running, running);
  layout.set(row, m::containers_starts, starts_);
  layout.set(row, m::containers_exits, exits_);
  layout.set(row, m::cpu_unaccounted, unaccounted_.total());
  layout.set(row, m::agent_spool_bytes, self_.spool_bytes);
  layout.set(row, m::agent_dropped_rows, self_.dropped_rows);
  layout.set(row, m::clock_offset, self_.clock_offset_us);
  return row;
}

SlotEntity Sampler::host_entity() const {
  Entity host;
  host.key = {EntityKind::host, options_.agent_id, "", 0};
  host.labels = {{"cluster", options_.cluster}, {"host", options_.agent_id}};
  return {host_slot_, std::move(host)};
}

}  // namespace dadvisor::agent
