// Ends whose last figures could not be read: the CPU of those lives is what their parent's counter
// has of them (GoneCpu).

#include <algorithm>
#include <cmath>

#include "agent/cgroup/container_walk.hpp"
#include "agent/sample/life.hpp"
#include "agent/sample/sampler.hpp"

namespace dadvisor::agent {

namespace {

constexpr int retries = 3;  // where a container went while its counter was to be read

}  // namespace

void Sampler::removed_life(FoundContainer const& container) {
  auto const root = top_of(container.container.path);
  Life* const life = life_of(container);
  if (!life || life->inside || life->removed) return;
  life->removed = true;
  life->missed = (life->missed || !life->last) && life->cpu_seen && gone_cpu_.follows(root);
  if (life->missed)
    ++missed_;
  else if (life->last)
    gone_cpu_.ended(root, *life->last->figures.cpu_usage);
  else
    gone_cpu_.drop(root);
}

std::optional<GoneCpu::Sums> Sampler::cpu_sums(std::string const& root) {
  constexpr int tries = 3;
  GoneCpu::Sums sums;
  for (int i = 0; i < tries; ++i) {
    auto const before = unaccounted_.usage(root, buffer_);
    std::int64_t living = 0;
    auto const add = [&](CgroupReader& reader) {
      auto const used = reader.cpu_usage(buffer_);
      if (used) living += *used;
      return used.has_value();
    };
    for (auto const& [id, life] : lives_)
      if (life->cgroup && !life->inside && !life->removed && top_of(life->path) == root)
        if (!add(*life->cgroup)) return std::nullopt;
    for (auto& brief : briefs_.all())
      if (!brief.removed && top_of(brief.found.container.path) == root)
        if (!brief.reader || !add(*brief.reader)) return std::nullopt;
    auto const after = unaccounted_.usage(root, buffer_);
    if (!before || !after) return std::nullopt;
    // Charges come with the scheduler's ticks: mostly none falls into so short a time.
    sums = {*before + (*after - *before) / 2, living};
    if (*after == *before) break;
  }
  return sums;
}

void Sampler::follow_gone(std::string const& root) {
  if (!unaccounted_.follows(root)) return;
  last_begun_[root] = clock_.monotonic();
  if (gone_cpu_.follows(root)) return;
  if (auto const sums = cpu_sums(root)) gone_cpu_.begin(root, *sums);
}

// What others used since, by whom ever, must not be taken for a container's later.
void Sampler::follow_gone_anew() {
  constexpr Nanoseconds quiet = std::chrono::minutes(1);
  if (last_begun_.empty()) return;
  attend();
  auto const now = clock_.monotonic();
  for (auto one = last_begun_.begin(); one != last_begun_.end();) {
    auto const& [root, begun] = *one;
    auto sums = now - begun < quiet ? cpu_sums(root) : std::nullopt;
    // One that went in this moment cannot be read any more, and is told of the next.
    for (int i = 0; i < retries && !sums && now - begun < quiet; ++i) {
      attend();
      sums = cpu_sums(root);
    }
    if (sums && missed_ == 0)
      gone_cpu_.begin(root, *sums);
    else if (missed_ == 0)
      gone_cpu_.drop(root);
    one = now - begun < quiet ? std::next(one) : last_begun_.erase(one);
  }
}

void Sampler::settle_missed(bool at_last) {
  settle_readable(false);
  if (!at_last) return;
  for (int i = 0; i < retries && missed_ > 0; ++i) {
    watch_.serve(briefs_);
    missed_ += briefs_.take_missed();
    settle_readable(false);
  }
  settle_readable(true);
}

// Of those below a parent of which not all that live can be read, only at last.
void Sampler::settle_readable(bool at_last) {
  if (missed_ == 0) return;
  struct Those {
    std::vector<BriefLife*> briefs;
    std::vector<Life*> lives;
  };
  std::map<std::string, Those> missed;
  for (auto& brief : briefs_.all())
    if (brief.missed && brief.removed)
      missed[top_of(brief.found.container.path)].briefs.push_back(&brief);
  for (auto const& [id, life] : lives_)
    if (life->missed && life->removed) missed[top_of(life->path)].lives.push_back(life.get());
  missed_ = 0;
  for (auto const& [root, those] : missed) {
    bool const followed = gone_cpu_.follows(root);
    auto const sums = followed ? cpu_sums(root) : std::nullopt;
    if (followed && !sums && !at_last) {
      missed_ += those.briefs.size() + those.lives.size();
      continue;
    }
    if (sums)
      settle_missed(root, those.briefs, those.lives, *sums);
    else
      gone_cpu_.drop(root);
    for (auto* brief : those.briefs) brief->missed = false;
    for (auto* life : those.lives) life->missed = false;
  }
}

void Sampler::settle_missed(std::string const& root, std::vector<BriefLife*> const& briefs,
                            std::vector<Life*> const& lives, GoneCpu::Sums const& sums) {
  // The kernel may charge as much later than it was used.
  constexpr Nanoseconds lag = std::chrono::milliseconds(10);
  struct Share {
    LastReading* last;
    std::int64_t known;  // ns of CPU
    Nanoseconds unseen;  // since it was looked at
  };
  std::vector<Share> shares;
  for (auto* brief : briefs) {
    if (!brief->last) brief->last = LastReading{{}, clock_.wall()};
    shares.push_back({&*brief->last, brief->last->figures.cpu_usage.value_or(0),
                      *brief->removed - brief->looked + lag});
  }
  for (auto* life : lives) {
    if (!life->last) life->last = LastReading{{}, clock_.wall()};
    auto const read = life->last->figures.cpu_usage.value_or(0);
    auto const unseen = last_tick_ ? clock_.wall() - *last_tick_ : Nanoseconds::zero();
    shares.push_back({&*life->last, std::max(read, *life->cpu_seen), unseen + lag});
  }
  auto const used = gone_cpu_.missing(root, sums).value_or(0);
  std::int64_t known = 0;
  Nanoseconds unseen{};
  for (auto const& one : shares) {
    known += one.known;
    unseen += one.unseen;
  }
  // Of several that went together nobody knows which used it: each as it had time to.
  auto const rest = static_cast<double>(std::max<std::int64_t>(0, used - known));
  auto const each = std::min(rest / static_cast<double>(unseen.count()),
                             static_cast<double>(std::max<std::int64_t>(1, facts_.cpus)));
  for (auto const& one : shares) {
    one.last->figures.cpu_usage =
        one.known + std::llround(each * static_cast<double>(one.unseen.count()));
    ++stats_.told_by_parents;
  }
  gone_cpu_.ended(root, used);
}

}  // namespace dadvisor::agent
