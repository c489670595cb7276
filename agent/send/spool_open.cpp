// What opening a spool reads of its files.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "agent/send/spool.hpp"
#include "agent/send/spool_record.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::agent {
namespace {

Result<std::uint64_t> read_epoch(Fd const& directory) {
  auto const text = spool_record::read_whole(directory, "epoch");
  if (!text) return text.error();
  std::uint64_t epoch = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), epoch);
  if (error != std::errc() || std::string_view(end) != "\n" || epoch == 0)
    return Error{Errc::malformed, 0, "epoch"};
  return epoch;
}

}  // namespace

Result<Spool> Spool::open(SpoolOptions options, WallTime now) {
  std::error_code failed;
  std::filesystem::create_directories(options.directory, failed);
  auto const where = "spool " + options.directory;
  if (failed) return os_error(failed.value(), where);
  Spool spool;
  spool.options_ = std::move(options);
  spool.options_.segment_bytes =
      std::min(spool.options_.segment_bytes, spool.options_.max_bytes / 4);
  auto directory = open_file(spool.options_.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return directory.error().within("spool");
  spool.directory_ = std::move(*directory);
  auto lock = open_at(spool.directory_, "lock", O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!lock) return lock.error().within(where);
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
    return Error{Errc::conflict, errno, where + ": another agent uses it"};
  spool.lock_ = std::move(*lock);

  if (auto const epoch = read_epoch(spool.directory_)) {
    spool.epoch_ = *epoch;
  } else {
    auto const fresh = static_cast<std::uint64_t>(std::max<std::int64_t>(1, unix_seconds(now)));
    if (auto kept = spool.set_epoch(fresh); !kept) return kept.error().within(where);
  }

  std::vector<std::uint64_t> ids;
  for (std::filesystem::directory_iterator at(spool.options_.directory, failed), end;
       !failed && at != end; at.increment(failed))
    if (auto const id = spool_record::segment_id(at->path().filename().string()))
      ids.push_back(*id);
  if (failed) return os_error(failed.value(), where);
  std::sort(ids.begin(), ids.end());
  auto mark = open_at(spool.directory_, spool_record::mark_name, O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!mark) return mark.error().within(where);
  spool.mark_ = std::move(*mark);
  SpoolGaps gaps;
  if (auto read = spool.read_segments(ids, gaps); !read) return read.error().within(where);
  spool.read_mark(gaps);
  spool.damages_ = gaps.damages();
  spool.damages_untold_ = !spool.damages_.empty();
  spool.appended_ = spool.next_record_ - 1;
  spool.find_untold();
  ::unlinkat(spool.directory_.get(), spool_record::thinning_name, 0);
  if (auto made = spool.new_segment(); !made) return made.error().within(where);
  // Which number comes next would else go with the segments; a full disk is no reason not to start.
  (void)spool.write({});
  spool.collect();
  return spool;
}

Result<void> Spool::read_segments(std::vector<std::uint64_t> const& ids, SpoolGaps& gaps) {
  std::optional<std::uint64_t> empty;
  for (auto const id : ids) {
    auto const bytes = spool_record::read_whole(directory_, spool_record::segment_name(id));
    if (!bytes) return bytes.error();
    current_id_ = id;
    segments_[id].bytes = bytes->size();
    // Nothing is written behind a file that nothing was written into.
    if (!bytes->empty() && empty && *empty + 1 == id) {
      ++counters_.damaged;
      gaps.damaged();
    }
    empty = bytes->empty() ? std::optional(id) : std::nullopt;
    gaps.segment(id);
    spool_record::scan(
        *bytes,
        [&](std::size_t offset, std::string_view payload) {
          gaps.whole(offset - spool_record::head_bytes, spool_record::head_bytes + payload.size());
          replay(id, offset, payload, gaps);
        },
        [&] {
          ++counters_.damaged;
          gaps.damaged();
        });
  }
  return {};
}

// It tells of the last segment that was written; of one that is thinned since, no more.
void Spool::read_mark(SpoolGaps& gaps) {
  auto const bytes = spool_record::read_range(mark_, 0, spool_record::most_mark_bytes);
  auto const payload = bytes ? spool_record::payload_at(*bytes, 0) : std::nullopt;
  auto const mark = payload ? spool_record::mark_in(*payload) : std::nullopt;
  if (!mark) return;
  next_record_ = std::max(next_record_, mark->next);
  if (mark->bytes == 0) return;
  auto const at = segments_.find(mark->segment);
  bool const taken = at == segments_.end() && mark->segment > current_id_;
  bool const cut = at != segments_.end() && !at->second.thinned && at->second.bytes < mark->bytes &&
                   std::all_of(std::next(at), segments_.end(),
                               [](auto const& later) { return later.second.bytes == 0; });
  if (!taken && !cut) return;
  ++counters_.damaged;
  if (taken) {
    gaps.segment(mark->segment);
    current_id_ = mark->segment;
  }
  gaps.damaged();
  gaps.synced_up_to(mark->next);
}

void Spool::find_untold() {
  auto const is_lost = [&](std::uint64_t record) {
    return std::ranges::any_of(damages_, [&](Damage const& damage) {
      return damage.missing && std::ranges::any_of(damage.records, [&](auto const& range) {
               return range.first <= record && record <= range.last;
             });
    });
  };
  told_below_ = next_record_;
  for (auto& [id, segment] : segments_) segment.told_by = 0;
  // Whoever got that number, or one behind it, told.
  std::erase_if(untold_, [&](auto const& one) {
    return one.told_by < next_record_ && !is_lost(one.told_by);
  });
  for (auto const& one : untold_) {
    segments_[one.segment].told_by = next_record_;
    if (one.told_by < next_record_) untold_again_.push_back(one.loss);
  }
}

void Spool::replay(std::uint64_t segment, std::uint64_t offset, std::string_view payload,
                   SpoolGaps& gaps) {
  ByteReader reader(payload);
  auto const type = reader.u8();
  auto const record = reader.u64();
  if (!reader.ok() || record > spool_record::most_records) return;
  if (type == spool_record::batch) {
    WallTime const tick(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
    next_record_ = std::max(next_record_, record + 1);
    gaps.batch(record, tick);
    if (!reader.ok() || batches_.contains(record)) return;
    auto const size = static_cast<std::uint32_t>(payload.size());
    batches_[record] = Batch{segment, offset, size, tick, std::nullopt, 0};
    ++segments_[segment].uses;
    return;
  }
  if (type == spool_record::begins) {
    next_record_ = std::max(next_record_, record);
    return gaps.begins(record);
  }
  if (type == spool_record::gone) {
    auto const gone = spool_record::gone_in(payload);
    if (!gone) return;
    for (auto const& range : gone->records) gaps.done(range);
    return replay_gone(segment, *gone);
  }
  if (type == spool_record::thinned) {
    Loss loss{LossReason::thinned, {}, {}, 0};
    loss.first = WallTime(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
    loss.last = WallTime(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
    loss.batches = reader.u64();
    if (!reader.ok()) return;
    segments_[segment].thinned = true;
    untold_.push_back({record, segment, loss});
    return;
  }
  next_record_ = std::max(next_record_, record + 1);
  auto const at = batches_.find(record);
  if (type == spool_record::place) {
    auto const epoch = reader.u64();
    auto const lane = reader.u8();
    auto const sequence = reader.u64();
    if (!reader.ok() || lane > 1 || epoch != epoch_ || at == batches_.end()) return;
    forget_place(at->second);
    at->second.place = delivery::Place{static_cast<Lane>(lane), sequence};
    at->second.place_segment = segment;
    ++segments_[segment].uses;
  } else if (type == spool_record::done) {
    gaps.done({record, record});
    if (at == batches_.end()) return;
    if (at->second.segment != segment) segments_[segment].vouches_for.insert(at->second.segment);
    forget(record);
  }
}

void Spool::replay_gone(std::uint64_t segment, spool_record::Gone const& gone) {
  for (auto const& loss : gone.losses) untold_.push_back({gone.told_by, segment, loss});
  bool all_here = true;
  for (auto const& [first, last] : gone.records) {
    next_record_ = std::max(next_record_, last + 1);
    std::uint64_t here = 0;
    for (auto at = batches_.lower_bound(first); at != batches_.end() && at->first <= last; ++here) {
      if (at->second.segment != segment) segments_[segment].vouches_for.insert(at->second.segment);
      auto const record = at->first;
      ++at;
      forget(record);
    }
    all_here = all_here && here == last - first + 1;
  }
  // Of what is missing nobody knows any more in which segment that shows.
  if (!all_here && gone.told_by > 0)
    for (auto const& [id, its] : segments_)
      if (id < segment) segments_[segment].vouches_for.insert(id);
}

}  // namespace dadvisor::agent
