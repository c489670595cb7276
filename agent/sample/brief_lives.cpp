#include "agent/sample/brief_lives.hpp"

#include <algorithm>

namespace dadvisor::agent {

namespace {

// Ten a second for the longest time that a runtime's word of them is waited for, many times over.
constexpr std::size_t most_kept = 20'000;

}  // namespace

// Of those that are there: the inode of one that ended may be another's by now.
std::list<BriefLife>::iterator BriefLives::find(std::string const& path, std::uint64_t inode) {
  return std::ranges::find_if(lives_, [&](BriefLife const& one) {
    return !one.removed && one.found.inode == inode && one.found.container.path == path;
  });
}

void BriefLives::populated(FoundContainer const& container, bool made) {
  if (!made || !sampling_.hierarchies || sampling_.is_life(container)) return;
  if (find(container.container.path, container.inode) != lives_.end()) return;
  if (lives_.size() >= most_kept) {
    ++dropped_;
    return;
  }
  auto& life = lives_.emplace_back();
  life.found = container;
  life.begun = sampling_.clock.wall();
  life.since = life.looked = sampling_.clock.monotonic();
  auto reader = CgroupReader::open(*sampling_.hierarchies, container.container.path);
  if (reader) life.reader = std::move(*reader);
  sampling_.began(life.found);
}

void BriefLives::ending(FoundContainer const& container) {
  auto const life = find(container.container.path, container.inode);
  if (life == lives_.end()) {
    sampling_.ending_life(container);
  } else if (life->reader) {
    auto last = read_last(*life->reader, sampling_, container.container.path);
    // Gone already: what was read before is what there is.
    life->missed = !last.figures.cpu_usage;
    if (life->missed) return;
    life->last = std::move(last);
    life->looked = sampling_.clock.monotonic();
  }
}

LastReading BriefLives::read_last(CgroupReader& reader, Sampling const& sampling,
                                  std::string const& path) {
  LastReading last{reader.read_last(sampling.facts, sampling.buffer), {}};
  // Runtimes make a container's directories one after the other: some may have come later.
  if (!reader.directories().complete() && sampling.hierarchies) {
    auto again = CgroupReader::open(*sampling.hierarchies, path);
    if (again && again->inode() == reader.inode()) {
      reader = std::move(*again);
      auto const whole = reader.read_last(sampling.facts, sampling.buffer);
      if (whole.cpu_usage || !last.figures.cpu_usage) last.figures = whole;
    }
  }
  last.at = sampling.clock.wall();
  return last;
}

// A look costs a fifth of what it costs to be woken for it: who is, looks at all whose time has
// nearly come.
std::optional<Nanoseconds> BriefLives::glance() {
  constexpr Nanoseconds least = std::chrono::milliseconds(20);
  auto const now = sampling_.clock.monotonic();
  bool const woken = std::ranges::any_of(
      lives_, [&](BriefLife const& one) { return one.reader && one.glance_due <= now; });
  std::optional<MonotonicTime> next;
  for (auto& life : lives_) {
    if (!life.reader) continue;
    if (woken && life.glance_due - life.pause / 4 <= now) {
      if (auto const usage = life.reader->cpu_usage(sampling_.buffer)) {
        life.cpu_usage = usage;
        life.looked = now;
      }
      auto const share = sampling_.told_by_parent(life.found) ? 2 : 10;
      life.pause = std::max<Nanoseconds>(least, (now - life.since) / share);
      life.glance_due = now + life.pause;
    }
    next = std::min(next.value_or(life.glance_due), life.glance_due);
  }
  if (!next) return std::nullopt;
  return *next - now;
}

void BriefLives::removed(FoundContainer const& container) {
  auto const life = find(container.container.path, container.inode);
  if (life == lives_.end()) return sampling_.removed_life(container);
  life->missed = life->missed || !life->last;
  if (life->missed)
    ++missed_;
  else
    sampling_.ended(container, *life->last->figures.cpu_usage);
  if (!life->last && life->cpu_usage) {
    life->last.emplace();
    life->last->figures.cpu_usage = life->cpu_usage;
    life->last->at = sampling_.clock.wall();
  }
  life->reader.reset();
  life->removed = sampling_.clock.monotonic();
}

CgroupReader const* BriefLives::reader_of(std::string const& path) const {
  auto const life = std::ranges::find_if(lives_, [&](BriefLife const& one) {
    return !one.removed && one.reader && one.found.container.path == path;
  });
  if (life == lives_.end()) return nullptr;
  auto const& reader = *life->reader;
  bool const there = reader.inode() == life->found.inode && reader.directories().main().same();
  return there && reader.directories().complete() ? &reader : nullptr;
}

std::optional<BriefLife> BriefLives::take(std::string const& path, std::uint64_t inode) {
  auto const life = find(path, inode);
  if (life == lives_.end()) return std::nullopt;
  auto taken = std::move(*life);
  lives_.erase(life);
  return taken;
}

}  // namespace dadvisor::agent
