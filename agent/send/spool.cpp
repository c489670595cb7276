#include "agent/send/spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "agent/send/spool_record.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::agent {
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
  auto fd =
      open_at(directory_, spool_record::segment_name(id), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
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
  spool_record::append(bytes, payload);
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
  auto const offset = segment.bytes + spool_record::head_bytes;
  segment.bytes += bytes.size();
  unsynced_ = true;
  return offset;
}

Result<void> Spool::append(std::uint64_t record, WallTime tick, std::string_view key_frame) {
  std::string payload;
  payload.reserve(spool_record::batch_head_bytes + key_frame.size());
  ByteWriter writer(payload);
  writer.u8(spool_record::batch);
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
  writer.u8(spool_record::place);
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
  // Where it cannot be written the next run sends the batch again: the aggregator knows its place.
  if (write(spool_record::done_payload(record)) && home != current_id_)
    segments_[current_id_].vouches_for.insert(home);
}

Result<std::string> Spool::read(std::uint64_t record) {
  auto const at = batches_.find(record);
  if (at == batches_.end()) return Error{Errc::not_found, 0, "spool: no such batch"};
  auto const batch = at->second;
  auto fd = open_at(directory_, spool_record::segment_name(batch.segment), O_RDONLY | O_NOFOLLOW);
  if (!fd) return fd.error().within("spool");
  auto bytes = spool_record::read_range(*fd, batch.offset - spool_record::head_bytes,
                                        spool_record::head_bytes + batch.size);
  if (!bytes) return bytes.error();
  auto const payload = spool_record::payload_at(*bytes, 0);
  if (!payload || payload->size() != batch.size) {
    ++counters_.damaged;
    done(record);
    return Error{Errc::malformed, 0, "spool: a damaged batch"};
  }
  return std::string(payload->substr(spool_record::batch_head_bytes));
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

  std::uint64_t bytes = room + this->bytes();
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
  counters.bytes = bytes();
  return counters;
}

std::uint64_t Spool::bytes() const {
  std::uint64_t sum = 0;
  for (auto const& [id, segment] : segments_) sum += segment.bytes;
  return sum;
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
    if (!needed && ::unlinkat(directory_.get(), spool_record::segment_name(id).c_str(), 0) == 0)
      at = segments_.erase(at);
    else
      ++at;
  }
}

}  // namespace dadvisor::agent
