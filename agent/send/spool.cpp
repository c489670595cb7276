#include "agent/send/spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

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
  if (segments_[current_id_].bytes >= options_.segment_bytes) {
    if (auto synced = sync(); !synced) return fail(synced.error());
    if (auto made = new_segment(); !made) return fail(made.error());
  }
  std::string bytes;
  if (segments_[current_id_].bytes == 0)
    spool_record::append(bytes, spool_record::begins_payload(appended_ + 1));
  auto const begins = bytes.size();
  if (!payload.empty()) spool_record::append(bytes, payload);
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
  auto const offset = segment.bytes + begins + spool_record::head_bytes;
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
  // A number that was not written is nobody's loss but its batch's, which memory may still hold.
  if (record > appended_ + 1)
    if (auto left_out = write_gone({0, {}, {{appended_ + 1, record - 1}}}, {}); !left_out)
      return left_out.error();
  appended_ = std::max(appended_, record - 1);
  auto const offset = write(payload);
  if (!offset) return offset.error();
  appended_ = std::max(appended_, record);
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
  forget(record);
  if (batches_.empty()) told_below_ = appended_ + 1;
  collect();
  std::uint64_t constexpr worth_it = 256 << 10;
  auto const& current = segments_[current_id_];
  bool const alone = batches_.empty() && segments_.size() == 1 && current.told_by < told_below_;
  if (alone && current.bytes >= worth_it) {
    // On a healthy link files never grow, and what they held never had to reach the disk.
    if (new_segment()) {
      unsynced_ = unsynced_loss_ = false;
      return collect();
    }
  }
  if (segments_.contains(home)) write_done(record, home);
}

void Spool::forget(std::uint64_t record) {
  auto const at = batches_.find(record);
  if (at == batches_.end()) return;
  forget_place(at->second);
  --segments_[at->second.segment].uses;
  batches_.erase(at);
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
    return Error{Errc::malformed, 0, "spool: a damaged batch"};
  }
  return std::string(payload->substr(spool_record::batch_head_bytes));
}

std::optional<WallTime> Spool::tick(std::uint64_t record) const {
  auto const at = batches_.find(record);
  return at == batches_.end() ? std::nullopt : std::optional(at->second.tick);
}

Result<void> Spool::sync() {
  if (!unsynced_) return {};
  ++counters_.syncs;
  unsynced_ = false;  // also after a failure: what it concerned is not made durable by another
  if (::fdatasync(current_.get()) != 0) return os_error(errno, "spool: fdatasync");
  unsynced_loss_ = false;
  told_below_ = appended_ + 1;
  write_mark();
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

// Where it cannot be written, or a crash of the machine takes it, a cut is not seen: no more.
void Spool::write_mark() {
  std::string bytes;
  spool_record::append(bytes, spool_record::payload_of(spool_record::Mark{
                                  appended_ + 1, current_id_, segments_[current_id_].bytes}));
  [[maybe_unused]] auto const written = ::pwrite(mark_.get(), bytes.data(), bytes.size(), 0);
}

void Spool::forget_place(Batch& batch) {
  if (!batch.place) return;
  batch.place.reset();
  --segments_[batch.place_segment].uses;
}

// Unlinks the segments that nothing needs any more. What one vouches for is always older, so one
// pass finds all.
void Spool::collect() {
  if (damages_untold_) return;
  for (auto at = segments_.begin(); at != segments_.end();) {
    auto const& [id, segment] = *at;
    bool const vouches = std::any_of(segment.vouches_for.begin(), segment.vouches_for.end(),
                                     [&](auto home) { return segments_.contains(home); });
    bool const needed = id == current_id_ || segment.uses > 0 || vouches ||
                        (segment.told_by > 0 && segment.told_by >= told_below_);
    // First the word of it; where that fails, it stays until the next sync does not.
    if (!needed && unsynced_loss_ && (!sync() || unsynced_loss_)) return;
    if (!needed && ::unlinkat(directory_.get(), spool_record::segment_name(id).c_str(), 0) == 0)
      at = segments_.erase(at);
    else
      ++at;
  }
}

}  // namespace dadvisor::agent
