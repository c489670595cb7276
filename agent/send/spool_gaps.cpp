#include "agent/send/spool_gaps.hpp"

#include <algorithm>
#include <iterator>

namespace dadvisor::agent {
namespace {

// More is no spool's: some other's file, or a number that is none.
constexpr std::uint64_t most_missing = 1'000'000;
// A batch's record is longer.
constexpr std::size_t no_batch = spool_record::head_bytes + spool_record::batch_head_bytes;

}  // namespace

void SpoolGaps::segment(std::uint64_t id) {
  if (segment_ && id != *segment_ + 1) {
    last_.reset();
    expected_.reset();
    open_ = false;
    without_after_ = 0;
  }
  segment_ = id;
  headed_ = open_here_ = false;
  end_ = 0;
}

void SpoolGaps::open_gap() {
  Gap gap{last_, {}, expected_, {}, {}};
  if (last_) gap.segments.insert(last_->segment);
  if (segment_) gap.segments.insert(*segment_);
  gaps_.push_back(std::move(gap));
  ++without_after_;
  open_ = true;
}

void SpoolGaps::close_gap(std::uint64_t to) {
  gaps_.back().to = to;
  open_ = open_here_ = false;
}

void SpoolGaps::damaged() {
  open_here_ = !open_;
  if (!open_) open_gap();
  if (segment_) gaps_.back().segments.insert(*segment_);
}

void SpoolGaps::whole(std::size_t offset, std::size_t size) {
  // The segment's head stood there, or the word of what is done.
  if (open_here_ && offset - end_ <= no_batch) {
    gaps_.pop_back();
    --without_after_;
    open_ = open_here_ = false;
    headed_ = headed_ || end_ == 0;
    if (end_ > 0) expected_.reset();
  }
  open_here_ = false;
  end_ = offset + size;
}

void SpoolGaps::begins(std::uint64_t record) {
  headed_ = true;
  if (!open_ && expected_ && record > *expected_) open_gap();
  if (open_) close_gap(record);
  expected_ = record;
}

void SpoolGaps::batch(std::uint64_t record, WallTime tick) {
  // Before segments had heads a number was left out where its batch could not be written.
  if (!open_ && headed_ && expected_ && record > *expected_) open_gap();
  if (open_) close_gap(record);
  Found const found{segment_.value_or(0), record, tick};
  for (; without_after_ > 0; --without_after_) {
    auto& gap = gaps_[gaps_.size() - without_after_];
    gap.after = found;
    gap.segments.insert(found.segment);
  }
  expected_ = record + 1;
  last_ = found;
  seen_.insert(record);
}

void SpoolGaps::done(spool_record::Range records) { done_.push_back(records); }

std::vector<SpoolDamage> SpoolGaps::damages() const {
  auto done = done_;
  std::ranges::sort(done, {}, &spool_record::Range::first);
  for (std::size_t i = 1; i < done.size(); ++i)
    done[i].last = std::max(done[i].last, done[i - 1].last);
  auto const is_known = [&](std::uint64_t record) {
    auto const behind = std::ranges::upper_bound(done, record, {}, &spool_record::Range::first);
    bool const is_done = behind != done.begin() && std::prev(behind)->last >= record;
    return is_done || seen_.contains(record);
  };
  std::vector<SpoolDamage> damages;
  for (auto const& gap : gaps_) {
    SpoolDamage damage;
    if (gap.before) damage.before = gap.before->tick;
    if (gap.after) damage.after = gap.after->tick;
    damage.segments = gap.segments;
    if (gap.from && gap.to) {
      std::uint64_t missing = 0;
      auto const end = std::min(*gap.to, *gap.from + most_missing);
      for (auto record = *gap.from; record < end; ++record) {
        if (is_known(record)) continue;
        ++missing;
        if (!damage.records.empty() && damage.records.back().last + 1 == record)
          damage.records.back().last = record;
        else
          damage.records.push_back({record, record});
      }
      if (missing == 0) continue;
      damage.missing = missing;
    } else if (gap.to) {
      // What is missing includes the number in front, or is nothing.
      if (*gap.to <= 1 || is_known(*gap.to - 1)) continue;
      damage.records.push_back({*gap.to - 1, *gap.to - 1});
    }
    damages.push_back(std::move(damage));
  }
  return damages;
}

}  // namespace dadvisor::agent
