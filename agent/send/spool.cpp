#include "agent/send/spool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <limits>
#include <span>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::agent {
namespace {

constexpr std::string_view record_magic = "dSP1";
constexpr std::size_t head_bytes = 12;  // magic, size, CRC
constexpr std::size_t max_payload = frame_limit::frame_bytes + 64;
enum : std::uint8_t { payload_batch = 1, payload_place = 2, payload_done = 3 };
constexpr std::uint64_t most_records = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t batch_head_bytes = 1 + 8 + 8;

std::string segment_name(std::uint64_t id) { return fmt::format("segment-{:016x}", id); }

std::optional<std::uint64_t> segment_id(std::string_view name) {
  std::string_view constexpr prefix = "segment-";
  if (!name.starts_with(prefix) || name.size() != prefix.size() + 16) return std::nullopt;
  std::uint64_t id = 0;
  auto const [end, error] =
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), id, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return id;
}

std::uint32_t crc_of(std::string_view payload) {
  std::string size;
  ByteWriter(size).u32(static_cast<std::uint32_t>(payload.size()));
  return crc32c(payload, crc32c(size));
}

// The payload of the record that starts at `offset`; nullopt when none does.
std::optional<std::string_view> payload_at(std::string_view bytes, std::size_t offset) {
  ByteReader reader(bytes.substr(offset));
  if (reader.raw(record_magic.size()) != record_magic) return std::nullopt;
  auto const size = reader.u32();
  auto const crc = reader.u32();
  if (!reader.ok() || size == 0 || size > max_payload) return std::nullopt;
  auto const payload = reader.raw(size);
  if (!reader.ok() || crc_of(payload) != crc) return std::nullopt;
  return payload;
}

Result<std::string> read_range(Fd const& fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    auto const n =
        ::pread(fd.get(), bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error(errno, "spool: read");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Result<std::string> read_whole(Fd const& directory, std::string const& name) {
  auto fd = open_at(directory, name, O_RDONLY | O_NOFOLLOW);
  if (!fd) return fd.error();
  struct stat facts {};
  if (::fstat(fd->get(), &facts) != 0) return os_error(errno, name);
  if (!S_ISREG(facts.st_mode)) return Error{Errc::denied, 0, name + ": not a regular file"};
  return read_range(*fd, 0, static_cast<std::size_t>(facts.st_size));
}

Result<std::uint64_t> read_epoch(Fd const& directory) {
  auto const text = read_whole(directory, "epoch");
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
    if (type == payload_done) done.insert(record);
    if (type != payload_batch) return;
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
    if (auto const id = segment_id(at->path().filename().string())) ids.push_back(*id);
  if (failed) return os_error(failed.value(), where);
  std::sort(ids.begin(), ids.end());
  Reading reading;
  for (auto const id : ids) {
    spool.current_id_ = id;
    if (auto read = spool.read_segment(id, reading); !read) return read.error().within(where);
  }
  spool.damages_ = reading.damages();
  if (auto made = spool.new_segment(); !made) return made.error().within(where);
  spool.collect();
  return spool;
}

Result<void> Spool::read_segment(std::uint64_t id, Reading& reading) {
  auto const bytes = read_whole(directory_, segment_name(id));
  if (!bytes) return bytes.error();
  segments_[id].bytes = bytes->size();
  reading.begin(id);
  bool damaged = false;
  for (std::size_t offset = 0; offset < bytes->size();) {
    if (auto const payload = payload_at(*bytes, offset)) {
      reading.found(*payload);
      replay(id, offset + head_bytes, *payload);
      offset += head_bytes + payload->size();
      damaged = false;
      continue;
    }
    if (!damaged) {
      ++counters_.damaged;
      reading.damaged();
    }
    damaged = true;
    offset = std::min(bytes->find(record_magic, offset + 1), bytes->size());
  }
  return {};
}

void Spool::replay(std::uint64_t segment, std::uint64_t offset, std::string_view payload) {
  ByteReader reader(payload);
  auto const type = reader.u8();
  auto const record = reader.u64();
  if (!reader.ok() || record > most_records) return;
  next_record_ = std::max(next_record_, record + 1);
  if (type == payload_batch) {
    WallTime const tick(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
    if (!reader.ok() || batches_.contains(record)) return;
    auto const size = static_cast<std::uint32_t>(payload.size());
    batches_[record] = Batch{segment, offset, size, tick, std::nullopt, 0};
    ++segments_[segment].uses;
  } else if (type == payload_place) {
    auto const epoch = reader.u64();
    auto const lane = reader.u8();
    auto const sequence = reader.u64();
    auto const at = batches_.find(record);
    if (!reader.ok() || lane > 1 || epoch != epoch_ || at == batches_.end()) return;
    forget_place(at->second);
    at->second.place = delivery::Place{static_cast<Lane>(lane), sequence};
    at->second.place_segment = segment;
    ++segments_[segment].uses;
  } else if (type == payload_done) {
    auto const at = batches_.find(record);
    if (at == batches_.end()) return;
    forget_place(at->second);
    --segments_[at->second.segment].uses;
    if (at->second.segment != segment) segments_[segment].vouches_for.insert(at->second.segment);
    batches_.erase(at);
  }
}

Result<void> Spool::set_epoch(std::uint64_t epoch) {
  if (auto kept = replace_file(options_.directory + "/epoch", std::to_string(epoch) + "\n"); !kept)
    return kept.error();
  epoch_ = epoch;
  for (auto& [record, batch] : batches_) forget_place(batch);
  collect();
  return {};
}

std::vector<Spool::Held> Spool::held() const {
  std::vector<Held> held;
  for (auto const& [record, batch] : batches_) held.push_back({record, batch.place});
  return held;
}

Result<void> Spool::new_segment() {
  if (auto synced = sync(); !synced) return synced.error();
  auto const id = current_id_ + 1;
  auto fd = open_at(directory_, segment_name(id), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (!fd) return fd.error();
  current_ = std::move(*fd);
  current_id_ = id;
  segments_[id];
  return {};
}

Result<std::uint64_t> Spool::write(std::string_view payload) {
  auto const fail = [&](Error error) {
    ++counters_.write_failures;
    return error.within("spool " + options_.directory);
  };
  if (segments_[current_id_].bytes >= options_.segment_bytes)
    if (auto made = new_segment(); !made) return fail(made.error());
  std::string bytes;
  bytes.reserve(head_bytes + payload.size());
  ByteWriter writer(bytes);
  writer.raw(record_magic);
  writer.u32(static_cast<std::uint32_t>(payload.size()));
  writer.u32(crc_of(payload));
  writer.raw(payload);
  auto& segment = segments_[current_id_];
  if (auto written = write_all(current_, bytes); !written) {
    // The piece that was written goes, or is skipped as damaged in the next run. The position
    // stays in step with the size either way.
    if (::ftruncate(current_.get(), static_cast<off_t>(segment.bytes)) == 0)
      ::lseek(current_.get(), static_cast<off_t>(segment.bytes), SEEK_SET);
    else if (auto const end = ::lseek(current_.get(), 0, SEEK_END); end >= 0)
      segment.bytes = static_cast<std::uint64_t>(end);
    return fail(written.error());
  }
  auto const offset = segment.bytes + head_bytes;
  segment.bytes += bytes.size();
  unsynced_ = true;
  return offset;
}

Result<void> Spool::append(std::uint64_t record, WallTime tick, std::string_view key_frame) {
  std::string payload;
  payload.reserve(batch_head_bytes + key_frame.size());
  ByteWriter writer(payload);
  writer.u8(payload_batch);
  writer.u64(record);
  writer.u64(static_cast<std::uint64_t>(tick.time_since_epoch().count()));
  writer.raw(key_frame);
  auto const offset = write(payload);
  if (!offset) return offset.error();
  auto const size = static_cast<std::uint32_t>(payload.size());
  batches_[record] = Batch{current_id_, *offset, size, tick, std::nullopt, 0};
  ++segments_[current_id_].uses;
  return {};
}

Result<void> Spool::place(std::uint64_t record, delivery::Place place) {
  auto const at = batches_.find(record);
  if (at == batches_.end()) return Error{Errc::not_found, 0, "spool: no such batch"};
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(payload_place);
  writer.u64(record);
  writer.u64(epoch_);
  writer.u8(static_cast<std::uint8_t>(place.lane));
  writer.u64(place.sequence);
  if (auto const offset = write(payload); !offset) return offset.error();
  forget_place(at->second);
  at->second.place = place;
  at->second.place_segment = current_id_;
  ++segments_[current_id_].uses;
  return {};
}

void Spool::done(std::uint64_t record) {
  auto const at = batches_.find(record);
  if (at == batches_.end()) return;
  auto const home = at->second.segment;
  forget_place(at->second);
  batches_.erase(at);
  --segments_[home].uses;
  collect();
  auto& current = segments_[current_id_];
  std::uint64_t constexpr worth_it = 256 << 10;
  if (batches_.empty() && segments_.size() == 1) {
    // On a healthy link the file never grows, and what it held never had to reach the disk.
    if (current.bytes < worth_it) {
      write_done(record, home);
    } else if (::ftruncate(current_.get(), 0) == 0) {
      ::lseek(current_.get(), 0, SEEK_SET);
      current.bytes = 0;
    }
  } else if (segments_.contains(home)) {
    write_done(record, home);
  }
}

void Spool::write_done(std::uint64_t record, std::uint64_t home) {
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(payload_done);
  writer.u64(record);
  // Where it cannot be written the next run sends the batch again: the aggregator knows its place.
  if (write(payload) && home != current_id_) segments_[current_id_].vouches_for.insert(home);
}

Result<std::string> Spool::read(std::uint64_t record) {
  auto const at = batches_.find(record);
  if (at == batches_.end()) return Error{Errc::not_found, 0, "spool: no such batch"};
  auto const batch = at->second;
  auto fd = open_at(directory_, segment_name(batch.segment), O_RDONLY | O_NOFOLLOW);
  if (!fd) return fd.error().within("spool");
  auto bytes = read_range(*fd, batch.offset - head_bytes, head_bytes + batch.size);
  if (!bytes) return bytes.error();
  auto const payload = payload_at(*bytes, 0);
  if (!payload || payload->size() != batch.size) {
    ++counters_.damaged;
    done(record);
    return Error{Errc::malformed, 0, "spool: a damaged batch"};
  }
  return std::string(payload->substr(batch_head_bytes));
}

std::optional<WallTime> Spool::tick(std::uint64_t record) const {
  auto const at = batches_.find(record);
  return at == batches_.end() ? std::nullopt : std::optional(at->second.tick);
}

std::vector<Spool::Dropped> Spool::trim(WallTime now, std::uint64_t room,
                                        std::function<void(Dropped const&)> const& dropping) {
  std::vector<Dropped> dropped;
  auto const drop = [&](std::span<Dropped const> those) {
    for (auto const& one : those) {
      if (dropping) dropping(one);
      done(one.record);
    }
    dropped.insert(dropped.end(), those.begin(), those.end());
  };
  std::vector<Dropped> old;
  for (auto const& [record, batch] : batches_) {
    if (batch.tick >= now - options_.max_age) break;
    old.push_back({record, batch.tick, LossReason::old});
  }
  drop(old);
  counters_.dropped_old += old.size();

  std::uint64_t bytes = room;
  for (auto const& [id, segment] : segments_) bytes += segment.bytes;
  while (bytes > options_.max_bytes && segments_.size() > 1) {
    auto const oldest = segments_.begin()->first;
    bytes -= segments_.begin()->second.bytes;
    std::vector<Dropped> gone;
    for (auto const& [record, batch] : batches_)
      if (batch.segment == oldest) gone.push_back({record, batch.tick, LossReason::full});
    drop(gone);
    counters_.dropped_full += gone.size();
    // A place stands at or behind its frame, so nothing that is left needs this segment.
    collect();
    if (segments_.begin()->first == oldest) break;
  }
  return dropped;
}

Result<void> Spool::sync() {
  if (!unsynced_) return {};
  ++counters_.syncs;
  unsynced_ = false;  // also after a failure: what it concerned is not made durable by another
  if (::fdatasync(current_.get()) != 0) return os_error(errno, "spool: fdatasync");
  return {};
}

SpoolCounters Spool::counters() const {
  auto counters = counters_;
  counters.batches = batches_.size();
  for (auto const& [id, segment] : segments_) counters.bytes += segment.bytes;
  return counters;
}

void Spool::forget_place(Batch& batch) {
  if (!batch.place) return;
  batch.place.reset();
  --segments_[batch.place_segment].uses;
}

// Unlinks the segments that nothing needs any more. What one vouches for is always older, so one
// pass finds all.
void Spool::collect() {
  for (auto at = segments_.begin(); at != segments_.end();) {
    auto const& [id, segment] = *at;
    bool const vouches = std::any_of(segment.vouches_for.begin(), segment.vouches_for.end(),
                                     [&](auto home) { return segments_.contains(home); });
    bool const needed = id == current_id_ || segment.uses > 0 || vouches;
    if (!needed && ::unlinkat(directory_.get(), segment_name(id).c_str(), 0) == 0)
      at = segments_.erase(at);
    else
      ++at;
  }
}

}  // namespace dadvisor::agent
