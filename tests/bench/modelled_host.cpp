#include "tests/bench/modelled_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dadvisor::bench {
namespace {

namespace m = metric;

constexpr std::int64_t page = 4096;
constexpr std::int64_t kernel_tick_ns = 10'000'000;  // USER_HZ
constexpr std::int64_t batch_seconds = 1800;         // on, and as long off

std::int64_t whole(double value) { return static_cast<std::int64_t>(value); }

std::int64_t in_ticks(double ns) { return whole(ns) / kernel_tick_ns * kernel_tick_ns; }

// A gauge in pages that moves by up to `most` pages either way.
void walk(Dice& dice, std::int64_t& value, std::int64_t most, std::int64_t least) {
  value = std::max(least, value + (dice.below(2 * most + 1) - most) * page);
}

}  // namespace

LoadClass load_class(unsigned app) {
  auto const of_twenty = app % 20;
  return of_twenty < 6    ? LoadClass::idle
         : of_twenty < 15 ? LoadClass::web
         : of_twenty < 18 ? LoadClass::busy
                          : LoadClass::batch;
}

std::vector<MetricId> const& container_metrics() {
  static std::vector<MetricId> const metrics{
      m::cpu_usage,        m::cpu_user,           m::cpu_system,     m::cpu_periods,
      m::cpu_throttled,    m::cpu_throttled_time, m::mem_usage,      m::mem_working_set,
      m::mem_rss,          m::mem_cache,          m::mem_shmem,      m::mem_mapped,
      m::mem_swap,         m::mem_kernel,         m::mem_dirty,      m::mem_peak,
      m::mem_limit,        m::mem_limit_hits,     m::mem_oom_kills,  m::mem_faults,
      m::mem_major_faults, m::io_read_bytes,      m::io_write_bytes, m::io_reads,
      m::io_writes,        m::net_rx_bytes,       m::net_tx_bytes,   m::net_rx_packets,
      m::net_tx_packets,   m::net_rx_errors,      m::net_tx_errors,  m::net_rx_drops,
      m::net_tx_drops,     m::pids_current,       m::pids_limit,     m::proc_count,
      m::proc_fds,         m::state_up,           m::state_uptime,   m::state_restarts};
  return metrics;
}

std::vector<MetricId> const& host_metrics() {
  static std::vector<MetricId> const found = [] {
    std::vector<MetricId> ids;
    for (Metric const& metric : metrics())
      if (metric.on_host && metric.pace != MetricPace::derived && metric.pace != MetricPace::walk &&
          !metric.leaf.starts_with("psi."))
        ids.push_back(metric.id);
    return ids;
  }();
  return found;
}

ContainerModel::ContainerModel(LoadClass kind, std::uint64_t seed, std::int64_t age_seconds)
    : dice_(seed), kind_(kind), age_(static_cast<double>(age_seconds)) {
  phase_ = dice_.below(2 * batch_seconds);
  base_ = kind == LoadClass::idle   ? dice_.around(0.002, 0.5)
          : kind == LoadClass::web  ? 0.05 + 0.4 * dice_.unit()
          : kind == LoadClass::busy ? 1
                                    : dice_.around(0.95, 0.05);
  limited_ = kind == LoadClass::busy || dice_.chance(0.5);
  // What it did before the first tick: as much as its age says.
  double const work = age_ * base_;
  usage_ = work * 1e9 + dice_.unit() * 1e9;
  user_share_ = 0.6 + 0.3 * dice_.unit();
  periods_ = limited_ ? whole(age_ * 5) : 0;
  throttled_ = kind == LoadClass::busy ? periods_ * 8 / 10 : 0;
  throttled_time_ = throttled_ * 31'000'000;
  rss_ = page * (1000 + dice_.below(200'000));
  cache_ = page * (100 + dice_.below(50'000));
  kernel_ = page * (50 + dice_.below(2000));
  inactive_ = cache_ / 2 / page * page;
  mapped_ = cache_ / 3 / page * page;
  shmem_ = dice_.chance(0.2) ? page * dice_.below(1000) : 0;
  dirty_ = 0;
  charged_ = page * dice_.below(64);
  peak_ = 0;
  limit_ = std::int64_t{1} << (29 + dice_.below(5));
  while (limit_ < 2 * (rss_ + cache_)) limit_ *= 2;
  hits_ = 0;
  faults_ = rss_ / page + whole(work * 200);
  major_ = dice_.below(200);
  writes_ = whole(work * 2);
  write_bytes_ = writes_ * 3 * page;
  reads_ = dice_.below(5000);
  read_bytes_ = reads_ * 8 * page;
  rx_packets_ = whole(age_ + work * 900);
  tx_packets_ = rx_packets_ * 9 / 10;
  rx_bytes_ = rx_packets_ * 240;
  tx_bytes_ = tx_packets_ * 900;
  drops_ = dice_.chance(0.3) ? dice_.below(1000) : 0;
  processes_ = kind == LoadClass::idle ? 1 + dice_.below(3) : 1 + dice_.below(12);
  pids_ = processes_ + dice_.below(40);
  fds_ = 20 + dice_.below(300);
  pids_limit_ = std::int64_t{1} << (9 + dice_.below(4));
}

double ContainerModel::load(std::int64_t time) {
  if (kind_ == LoadClass::idle) return dice_.around(base_, 0.3);
  if (kind_ == LoadClass::web) {
    double const day = static_cast<double>(time % 86'400) / 86'400;
    return dice_.around(base_ * (1 + 0.5 * std::sin(2 * std::numbers::pi * day)), 0.2);
  }
  if (kind_ == LoadClass::busy) return dice_.around(0.99, 0.01);
  return (time + phase_) / batch_seconds % 2 == 0 ? dice_.around(base_, 0.03)
                                                  : dice_.around(0.001, 0.3);
}

void ContainerModel::step(double seconds, std::int64_t time, Cells& cells) {
  double const cores = load(time);
  double const work = cores * seconds;  // CPU-seconds
  bool const active = cores > 0.01;
  age_ += seconds;
  usage_ += work * 1e9 + dice_.unit() * 1000;
  if (limited_) {
    auto const periods = whole(seconds * 10);
    periods_ += kind_ == LoadClass::idle ? dice_.below(periods / 4 + 1) : periods;
    if (kind_ == LoadClass::busy) {
      auto const held = dice_.below(periods / 4 + 1) + periods * 3 / 4;
      throttled_ += held;
      throttled_time_ += whole(static_cast<double>(held) * dice_.around(31e6, 0.2));
    } else if (active && dice_.chance(0.02)) {
      ++throttled_;
      throttled_time_ += 1'000'000 + dice_.below(30'000'000);
    }
  }

  if (kind_ == LoadClass::idle ? dice_.chance(0.02) : active) {
    walk(dice_, rss_, 1 + rss_ / page / 400, 100 * page);
    walk(dice_, charged_, 8, 0);
    charged_ = std::min(charged_, 64 * page);
  }
  if (active && dice_.chance(0.3)) walk(dice_, kernel_, 3, 20 * page);
  if (active && dice_.chance(0.05)) walk(dice_, mapped_, 2, 0);
  faults_ += active ? whole(dice_.around(work * 180, 0.3)) : dice_.chance(0.1) ? dice_.below(8) : 0;
  if (dice_.chance(0.001)) major_ += 1 + dice_.below(10);

  std::int64_t written = 0;
  if (active) {  // access logs of the web, results of the rest
    auto const writes = whole(dice_.around(work * 2, 0.5)) + (dice_.chance(0.5) ? 1 : 0);
    written = writes * page * (1 + dice_.below(6));
    writes_ += writes;
    write_bytes_ += written;
    if (kind_ == LoadClass::batch || dice_.chance(0.03)) {
      auto const reads = 1 + dice_.below(kind_ == LoadClass::batch ? 400 : 10);
      reads_ += reads;
      read_bytes_ += reads * page * (1 + dice_.below(8));
    }
  }
  cache_ += written;
  if (cache_ > limit_ / 4) cache_ -= cache_ / 3 / page * page;  // reclaimed
  if (written > 0) inactive_ = std::min(cache_, inactive_ + written / 2 / page * page);
  inactive_ = std::min(inactive_, cache_);
  dirty_ = written / 2 / page * page;

  if (kind_ == LoadClass::web) {
    auto const requests = whole(dice_.around(work * 400, 0.1));
    auto const received = requests * 2 + dice_.below(requests / 5 + 2);
    auto const sent = requests * 2 + dice_.below(requests / 5 + 2);
    rx_packets_ += received;
    tx_packets_ += sent;
    rx_bytes_ += received * 230 + dice_.below(received * 40 + 1);
    tx_bytes_ += sent * 900 + dice_.below(sent * 200 + 1);
  } else if (active || dice_.chance(0.7)) {  // health checks, metrics, results
    auto const packets = 4 + dice_.below(active ? 200 : 12);
    rx_packets_ += packets;
    tx_packets_ += packets - dice_.below(3);
    rx_bytes_ += packets * 90 + dice_.below(200);
    tx_bytes_ += packets * 120 + dice_.below(200);
  }
  if (drops_ > 0 && dice_.chance(0.01)) ++drops_;
  if (active && kind_ == LoadClass::web && dice_.chance(0.3)) {
    pids_ = std::clamp<std::int64_t>(pids_ + dice_.below(5) - 2, processes_, pids_limit_);
    fds_ = std::max<std::int64_t>(10, fds_ + dice_.below(21) - 10);
  }

  auto const usage = rss_ + cache_ + kernel_ + charged_;
  peak_ = std::max(peak_, usage);
  std::int64_t const figures[]{whole(usage_),
                               in_ticks(usage_ * user_share_),
                               in_ticks(usage_ * (1 - user_share_)),
                               periods_,
                               throttled_,
                               throttled_time_,
                               usage,
                               usage - inactive_,
                               rss_,
                               cache_,
                               shmem_,
                               mapped_,
                               0,
                               kernel_,
                               dirty_,
                               peak_,
                               limit_,
                               hits_,
                               0,
                               faults_,
                               major_,
                               read_bytes_,
                               write_bytes_,
                               reads_,
                               writes_,
                               rx_bytes_,
                               tx_bytes_,
                               rx_packets_,
                               tx_packets_,
                               0,
                               0,
                               drops_,
                               0,
                               pids_,
                               pids_limit_,
                               processes_,
                               fds_,
                               1,
                               whole(age_),
                               0};
  cells.resize(std::size(figures));
  auto const writer = cells.writer();
  for (std::size_t i = 0; i < std::size(figures); ++i) writer.set(i, figures[i]);
}

namespace {

// All that a host has to step from tick to tick.
class ModelledHost final : public HostFigures {
 public:
  ModelledHost(WorkloadOptions const& options, unsigned number);
  void fill(Batch& batch) override;

 private:
  struct Container {
    SlotEntity entity;
    unsigned app;
    unsigned place;  // which of the host's containers it is the present life of
    ContainerModel model;
  };
  Container container(unsigned place, WallTime start);
  Row host_row(std::int64_t time);

  WorkloadOptions options_;
  unsigned number_;
  std::string name_;
  Dice dice_;
  WallTime tick_;
  std::uint32_t next_slot_ = 1;
  std::vector<std::uint32_t> lives_;   // of each place, so far
  std::vector<Container> containers_;  // by slot ascending
  std::vector<std::int64_t> figures_;  // of the host
};

ModelledHost::ModelledHost(WorkloadOptions const& options, unsigned number)
    : options_(options),
      number_(number),
      name_(host_name(number)),
      dice_(mix(options.seed, number)),
      tick_(options.begin) {
  lives_.resize(options.containers);
  for (unsigned place = 0; place < options.containers; ++place) {
    auto const age = std::chrono::seconds(3600 + dice_.below(30 * 86'400));
    containers_.push_back(container(place, options.begin - age));
  }
  for (auto const id : host_metrics()) {
    bool const counter = find_metric(id)->kind == MetricKind::counter;
    figures_.push_back(counter ? dice_.below(1'000'000'000'000)
                               : (1 + dice_.below(1'000'000)) * page);
  }
}

ModelledHost::Container ModelledHost::container(unsigned place, WallTime start) {
  auto const apps = apps_of(options_);
  auto const app = (number_ * options_.containers + place) % apps;
  Dice identity(mix(mix(options_.seed, number_), (std::uint64_t{place} << 32) + lives_[place]++));
  auto const id = fmt::format("{:016x}{:016x}{:016x}{:016x}", identity.next(), identity.next(),
                              identity.next(), identity.next());
  auto const task =
      fmt::format("{}.{:08x}-{:04x}", app_name(app), identity.next() >> 32, identity.next() >> 48);
  Entity entity;
  entity.key = {EntityKind::container, name_, id, start.time_since_epoch().count()};
  entity.labels = {
      {"app", app_name(app)},
      {"cluster", "bench"},
      {"host", name_},
      {"image", fmt::format("registry.example/team-{}/{}:1.{}", app % 30, app_name(app), app % 7)},
      {"instance", fmt::format("{}-{}", number_, next_slot_)},
      {"name", "mesos-" + task},
      {"owner", fmt::format("team-{}@example.com", app % 30)},
      {"runtime", "docker"},
      {"task", task}};
  auto const age = std::chrono::duration_cast<std::chrono::seconds>(tick_ - start).count();
  return {{next_slot_++, std::move(entity)},
          app,
          place,
          ContainerModel(load_class(app), identity.next(), std::max<std::int64_t>(0, age))};
}

Row ModelledHost::host_row(std::int64_t time) {
  Row row{0, 0, {}};
  auto const& ids = host_metrics();
  row.cells.reserve(ids.size());
  double const day =
      1 + 0.4 * std::sin(2 * std::numbers::pi * static_cast<double>(time % 86'400) / 86'400);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Metric const& metric = *find_metric(ids[i]);
    auto& value = figures_[i];
    if (metric.type == MetricType::real) {
      row.cells.push_back(real_cell(std::round(dice_.around(4 * day, 0.3) * 100) / 100));
      continue;
    }
    bool const rare = metric.leaf.ends_with("errors") || metric.leaf.ends_with("drops") ||
                      metric.leaf.ends_with("kills") || metric.leaf == "cpu.steal";
    if (metric.kind == MetricKind::counter) {
      if (!rare) value += whole(dice_.around(metric.scale < 1e-6 ? 3e9 * day : 2e4 * day, 0.2));
    } else if (metric.pace == MetricPace::tick && !metric.leaf.ends_with("total") &&
               !metric.leaf.ends_with("max")) {
      walk(dice_, value, 200, page);
    }
    row.cells.push_back(value);
  }
  return row;
}

void ModelledHost::fill(Batch& batch) {
  tick_ = batch.tick;
  auto const seconds = std::chrono::duration<double>(options_.step).count();
  auto const time = unix_seconds(tick_);
  if (options_.churn > 0) {
    std::vector<unsigned> ended;
    std::erase_if(containers_, [&](Container const& container) {
      if (!dice_.chance(options_.churn * seconds / 3600)) return false;
      ended.push_back(container.place);
      return true;
    });
    for (auto const place : ended)
      containers_.push_back(container(place, tick_ - std::chrono::milliseconds(dice_.below(9000))));
  }
  batch.schemas = {Schema{host_metrics()}, Schema{container_metrics()}};
  batch.entities.reserve(containers_.size() + 1);
  batch.rows.reserve(containers_.size() + 1);
  batch.entities.push_back(
      {0, {{EntityKind::host, name_, "", 0}, {{"cluster", "bench"}, {"host", name_}}}});
  batch.rows.push_back(host_row(time));
  for (auto& container : containers_) {
    batch.entities.push_back(container.entity);
    batch.rows.push_back({container.entity.slot, 1, {}});
    container.model.step(seconds, time, batch.rows.back().cells);
  }
}

}  // namespace

std::unique_ptr<HostFigures> modelled_host(WorkloadOptions const& options, unsigned number) {
  return std::make_unique<ModelledHost>(options, number);
}

}  // namespace dadvisor::bench
