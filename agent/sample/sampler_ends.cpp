// How lives end: what was read last of each becomes its last row.

#include <algorithm>
#include <cstdlib>

#include "agent/sample/life.hpp"
#include "agent/sample/sampler.hpp"

namespace dadvisor::agent {

namespace m = metric;

BriefLives::Sampling Sampler::brief_sampling() {
  return {
      clock_,
      nullptr,
      {},
      buffer_,
      [this](FoundContainer const& one) { ending_life(one); },
      [this](FoundContainer const& one) { return life_of(one) != nullptr; },
      [this](FoundContainer const& one) { return gone_cpu_.follows(top_of(one.container.path)); },
      [this](FoundContainer const& one) { follow_gone(top_of(one.container.path)); },
      [this](FoundContainer const& one, std::int64_t used) {
        gone_cpu_.ended(top_of(one.container.path), used);
      },
      [this](FoundContainer const& one) { removed_life(one); }};
}

void Sampler::attend() {
  watch_.serve(briefs_);
  missed_ += briefs_.take_missed();
  // Only now: what was made meanwhile is among the living.
  settle_missed(false);
}

Sampler::Life* Sampler::life_of(FoundContainer const& container) const {
  auto const known = lives_.find(container.container.id);
  if (known != lives_.end() && known->second->inode == container.inode &&
      known->second->path == container.container.path)
    return known->second.get();
  return nullptr;
}

void Sampler::ending_life(FoundContainer const& container) {
  Life* const life = life_of(container);
  if (!life || !life->cgroup) return;
  auto last = BriefLives::read_last(*life->cgroup, briefs_.sampling(), life->path);
  life->missed = !last.figures.cpu_usage;
  if (!life->missed) life->last = std::move(last);
}

void Sampler::retire(std::unique_ptr<Life> life) {
  ++exits_;
  if (!life->removed && !life->path.empty()) gone_cpu_.drop(top_of(life->path));
  disks_changed_ = true;
  if (!life->last && life->inode == 0) {
    // It ended before its cgroup could be opened for it: the eldest that nobody has is its own.
    auto const eldest = std::ranges::find_if(briefs_.all(), [&](BriefLife const& brief) {
      return brief.found.container.id == life->id && brief.removed;
    });
    if (eldest != briefs_.all().end()) {
      life->path = eldest->found.container.path;
      life->last = std::move(eldest->last);
      life->cpu_seen = eldest->cpu_seen;
      briefs_.all().erase(eldest);
    }
  }
  if (life->last)
    ended_.push_back(std::move(life));
  else
    ++stats_.missed_ends;
}

// The runtime's word of a life that ended: of those of this container the one that ended nearest
// to when its last process did.
std::optional<Container> Sampler::take_ended(BriefLife const& brief,
                                             std::span<Container const> containers) {
  auto const at = brief.last ? brief.last->at : brief.begun;
  auto const distance = [&](Container const& one) {
    return std::abs(one.finished_ns - at.time_since_epoch().count());
  };
  auto const& id = brief.found.container.id;
  auto nearest = exits_told_.end();
  for (auto one = exits_told_.begin(); one != exits_told_.end(); ++one)
    if (one->first.id == id &&
        (nearest == exits_told_.end() || distance(one->first) < distance(nearest->first)))
      nearest = one;
  if (nearest != exits_told_.end()) {
    auto ended = std::move(nearest->first);
    exits_told_.erase(nearest);
    return ended;
  }
  for (auto const& one : containers)
    if (one.id == id && !one.running && one.finished_ns > 0) return one;
  return std::nullopt;
}

void Sampler::end_brief_lives(std::span<Container const> containers, RuntimeState const& runtimes,
                              std::span<RuntimeEvent const> events) {
  auto const now = clock_.monotonic();
  stats_.missed_ends += briefs_.take_dropped();
  for (auto const& event : events)
    if (event.kind == RuntimeEvent::Kind::exit) exits_told_.emplace_back(event.container, now);
  std::erase_if(exits_told_, [&](auto const& one) {
    return now - one.second > options_.grace || std::ranges::any_of(ended_, [&](auto const& life) {
             return life->id == one.first.id && life->entity.key.start_ns == one.first.started_ns;
           });
  });
  for (auto one = briefs_.all().begin(); one != briefs_.all().end();) {
    auto& brief = *one;
    // Seen, though it has no row yet: when it gets one, all of its count is told by that
    // (reading_before_first()), also where it ended and only waits for its name.
    std::optional<std::int64_t> usage;
    if (!brief.removed && brief.reader) usage = brief.reader->cpu_usage(buffer_);
    if (brief.removed && brief.last) usage = brief.last->figures.cpu_usage;
    if (usage && *usage > brief.cpu_seen) {
      unaccounted_.seen(brief.found.container.path, *usage - brief.cpu_seen);
      brief.cpu_seen = *usage;
    }
    if (!brief.removed) {
      ++one;
      continue;
    }
    auto const& container = brief.found.container;
    // A life that the runtime still calls running will be retired with what was read of it.
    auto const living = lives_.find(container.id);
    bool const waits =
        runtimes.tells_of(container.runtime) && now - *brief.removed < options_.grace;
    if (waits && living != lives_.end() && living->second->inode == 0) {
      ++one;
      continue;
    }
    auto const ended = take_ended(brief, containers);
    auto const* name = ended ? nullptr : name_of(brief.found);
    strangers_ = strangers_ || (container.runtime == "mesos" && !name);
    if (!ended && !name && waits) {
      ++one;
      continue;
    }
    auto life = new_life(container.id);
    if (ended) {
      life->from_runtime = true;
      life->container = *ended;
      life->entity.key.start_ns = ended->started_ns;
      life->path = container.path;
      set_labels(*life);
    } else {
      name_unknown(*life, container);
      if (name) give_name(*life, *name);
      life->entity.key.start_ns = brief.begun.time_since_epoch().count();
    }
    life->inode = brief.found.inode;
    life->removed = true;
    life->last = std::move(brief.last);
    life->cpu_seen = brief.cpu_seen;
    one = briefs_.all().erase(one);
    retire(std::move(life));
  }
}

void Sampler::give_last_rows(Batch& batch, std::vector<Life*>& lives, std::vector<Row>& rows) {
  for (auto const& life : ended_) {
    auto const& last = *life->last;
    account(*life, last.figures.cpu_usage, batch.tick);
    Row row = container_layout_.row(life->slot, container_schema);
    fill(container_layout_, row, last.figures);
    auto const& metrics = container_layout_.schema().metrics;
    for (std::size_t i = 0; i < metrics.size(); ++i)
      if (metrics[i] != m::mem_peak && find_metric(metrics[i])->kind == MetricKind::gauge)
        row.cells.set(i, std::nullopt);
    rows.push_back(std::move(row));
    lives.push_back(life.get());
    ++stats_.last_rows;
    if (life->from_runtime) continue;  // it tells itself
    ContainerEvent exit;
    exit.entity = life->entity;
    exit.time_ns = last.at.time_since_epoch().count();
    batch.events.push_back(std::move(exit));
  }
}

}  // namespace dadvisor::agent
