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

struct Spool::Reading {
  struct Found {
    std::uint64_t record = 0;
    WallTime tick{};
  };
  struct Gap {
    std::optional<Found> before, after;
  };
  std::optional<std::uint64_t> segment;  // the last
  std::optional<Found> batch;            // the last, in files without one missing between them
  std::set<std::uint64_t> done;
  std::vector<Gap> gaps;
  bool open = false;  // no batch stands behind the last gap yet

  void begin(std::uint64_t id) {
    if (segment && id != *segment + 1) {
      batch.reset();
      open = false;
    }
    segment = id;
  }
  void damaged() {
    if (!open) gaps.push_back({batch, std::nullopt});
    open = true;
  }
  void found(std::string_view payload) {
    ByteReader reader(payload);
    auto const type = reader.u8();
    auto const record = reader.u64();
    if (type == spool_record::done) done.insert(record);
    if (type != spool_record::batch) return;
    batch = Found{record, WallTime(Nanoseconds(static_cast<std::int64_t>(reader.u64())))};
    if (open) gaps.back().after = batch;
    open = false;
  }
  std::vector<Damage> damages() const {
    std::vector<Damage> damages;
    for (auto const& [before, after] : gaps) {
      // The number in front is done, or there is none.
      if (!before && after && (after->record <= 1 || done.contains(after->record - 1))) continue;
      Damage damage;
      if (before) damage.before = before->tick;
      if (after) damage.after = after->tick;
      if (before && after) {
        std::uint64_t missing = 0;
        // More is no spool's: some other's file, or a number that is none.
        for (auto record = before->record + 1; record < after->record && missing < 1'000'000;
             ++record)
          if (!done.contains(record)) ++missing;
        if (missing == 0) continue;
        damage.missing = missing;
      }
      damages.push_back(damage);
    }
    return damages;
  }
};

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
  Reading reading;
  for (auto const id : ids) {
    spool.current_id_ = id;
    if (auto read = spool.read_segment(id, reading); !read) return read.error().within(where);
  }
  spool.damages_ = reading.damages();
  // Whoever got that number, or one behind it, told.
  std::erase_if(spool.untold_, [&](auto const& one) { return one.told_by < spool.next_record_; });
  ::unlinkat(spool.directory_.get(), spool_record::thinning_name, 0);
  if (auto made = spool.new_segment(); !made) return made.error().within(where);
  spool.collect();
  return spool;
}

Result<void> Spool::read_segment(std::uint64_t id, Reading& reading) {
  auto const bytes = spool_record::read_whole(directory_, spool_record::segment_name(id));
  if (!bytes) return bytes.error();
  segments_[id].bytes = bytes->size();
  reading.begin(id);
  spool_record::scan(
      *bytes,
      [&](std::size_t offset, std::string_view payload) {
        reading.found(payload);
        replay(id, offset, payload);
      },
      [&] {
        ++counters_.damaged;
        reading.damaged();
      });
  return {};
}

void Spool::replay(std::uint64_t segment, std::uint64_t offset, std::string_view payload) {
  ByteReader reader(payload);
  auto const type = reader.u8();
  auto const record = reader.u64();
  if (!reader.ok() || record > spool_record::most_records) return;
  if (type == spool_record::thinned) {
    Loss loss{LossReason::thinned, {}, {}, 0};
    loss.first = WallTime(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
    loss.last = WallTime(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
    loss.batches = reader.u64();
    if (!reader.ok()) return;
    segments_[segment].thinned = true;
    untold_.push_back({record, loss});
    return;
  }
  next_record_ = std::max(next_record_, record + 1);
  if (type == spool_record::batch) {
    WallTime const tick(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
    if (!reader.ok() || batches_.contains(record)) return;
    auto const size = static_cast<std::uint32_t>(payload.size());
    batches_[record] = Batch{segment, offset, size, tick, std::nullopt, 0};
    ++segments_[segment].uses;
  } else if (type == spool_record::place) {
    auto const epoch = reader.u64();
    auto const lane = reader.u8();
    auto const sequence = reader.u64();
    auto const at = batches_.find(record);
    if (!reader.ok() || lane > 1 || epoch != epoch_ || at == batches_.end()) return;
    forget_place(at->second);
    at->second.place = delivery::Place{static_cast<Lane>(lane), sequence};
    at->second.place_segment = segment;
    ++segments_[segment].uses;
  } else if (type == spool_record::done) {
    auto const at = batches_.find(record);
    if (at == batches_.end()) return;
    forget_place(at->second);
    --segments_[at->second.segment].uses;
    if (at->second.segment != segment) segments_[segment].vouches_for.insert(at->second.segment);
    batches_.erase(at);
  }
}

}  // namespace dadvisor::agent
