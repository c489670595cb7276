// Thinning of a spool's segments.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <utility>

#include "agent/send/spool.hpp"
#include "agent/send/spool_record.hpp"
#include "common/core/frame/bytes.hpp"

namespace dadvisor::agent {
namespace {

std::string told_payload(std::uint64_t told_by, Loss const& loss) {
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(spool_record::thinned);
  writer.u64(told_by);
  writer.u64(static_cast<std::uint64_t>(loss.first.time_since_epoch().count()));
  writer.u64(static_cast<std::uint64_t>(loss.last.time_since_epoch().count()));
  writer.u64(loss.batches);
  return payload;
}

}  // namespace

bool Spool::exceeds(std::uint64_t room) const { return bytes() + room > options_.max_bytes; }

bool Spool::has_thinned() const {
  return std::ranges::any_of(segments_, [](auto const& one) { return one.second.thinned; });
}

std::optional<Spool::Part> Spool::part_to_thin() const {
  auto const oldest = std::ranges::find_if(
      segments_, [&](auto const& one) { return one.first != current_id_ && !one.second.thinned; });
  if (oldest == segments_.end()) return std::nullopt;
  Part part{oldest->first, {}, {}, {}};
  for (auto at = batches_.begin(); at != batches_.end(); ++at) {
    if (at->second.segment != part.segment) continue;
    if (part.records.empty() && at != batches_.begin()) part.before = std::prev(at)->first;
    part.records.push_back(at->first);
    auto const next = std::next(at);
    part.behind = next == batches_.end() ? std::nullopt : std::optional(next->first);
  }
  return part;
}

Result<void> Spool::thin(std::uint64_t id, std::set<std::uint64_t> const& leaving,
                         std::vector<Loss> const& told) {
  auto const found = segments_.find(id);
  if (found == segments_.end()) return {};  // all of it was found damaged meanwhile
  auto& segment = found->second;
  segment.thinned = true;
  if (leaving.empty()) return {};
  auto const old = spool_record::read_whole(directory_, spool_record::segment_name(id));
  if (!old) return old.error();
  std::string bytes;
  std::map<std::uint64_t, std::uint64_t> offsets;  // of the batches that stay
  spool_record::scan(
      *old,
      [&](std::size_t, std::string_view payload) {
        ByteReader reader(payload);
        auto const type = reader.u8();
        auto const record = reader.u64();
        if (type != spool_record::batch) return spool_record::append(bytes, payload);
        auto const batch = batches_.find(record);
        // Also of what is done: so that no number is missing between two batches.
        if (leaving.contains(record) || batch == batches_.end())
          return spool_record::append(bytes, spool_record::done_payload(record));
        if (batch->second.segment != id || offsets.contains(record)) return;  // a second time
        offsets[record] = bytes.size() + spool_record::head_bytes;
        spool_record::append(bytes, payload);
      },
      [] {});
  for (auto const& [record, batch] : batches_)
    if (batch.segment == id && !leaving.contains(record) && !offsets.contains(record))
      return Error{Errc::malformed, 0, "spool: a damaged batch in a segment to be thinned"};
  for (auto const& loss : told) spool_record::append(bytes, told_payload(next_record_, loss));
  if (auto replaced = replace_segment(id, bytes); !replaced) {
    ++counters_.write_failures;
    return replaced.error().within("spool " + options_.directory);
  }
  segment.bytes = bytes.size();
  if (!told.empty()) segment.told_by = std::max(segment.told_by, next_record_);
  for (auto const record : leaving) forget(record);
  for (auto const& [record, offset] : offsets) batches_.at(record).offset = offset;
  collect();
  return {};
}

Result<void> Spool::replace_segment(std::uint64_t id, std::string_view bytes) {
  auto const* const beside = spool_record::thinning_name;
  auto const fail = [&](int number, char const* what) {
    ::unlinkat(directory_.get(), beside, 0);
    return os_error(number, what);
  };
  auto fd = open_at(directory_, beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!fd) return fd.error();
  if (auto written = write_all(*fd, bytes); !written) {
    ::unlinkat(directory_.get(), beside, 0);
    return written;
  }
  if (::fdatasync(fd->get()) != 0) return fail(errno, "fdatasync");
  auto const name = spool_record::segment_name(id);
  if (::renameat(directory_.get(), beside, directory_.get(), name.c_str()) != 0)
    return fail(errno, "rename");
  ::fsync(directory_.get());  // without it a crash of the machine finds the old one: as good
  return {};
}

std::vector<Loss> Spool::take_untold() {
  std::vector<Loss> losses;
  for (auto const& one : std::exchange(untold_, {})) losses.push_back(one.loss);
  untold_again_.clear();
  return losses;
}

}  // namespace dadvisor::agent
