#include "agent/send/spool_record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::agent::spool_record {
namespace {

constexpr std::size_t max_payload = frame_limit::frame_bytes + 64;

std::uint32_t crc_of(std::string_view payload) {
  std::string size;
  ByteWriter(size).u32(static_cast<std::uint32_t>(payload.size()));
  return crc32c(payload, crc32c(size));
}

}  // namespace

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

void append(std::string& bytes, std::string_view payload) {
  bytes.reserve(bytes.size() + head_bytes + payload.size());
  ByteWriter writer(bytes);
  writer.raw(magic);
  writer.u32(static_cast<std::uint32_t>(payload.size()));
  writer.u32(crc_of(payload));
  writer.raw(payload);
}

std::string done_payload(std::uint64_t record) {
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(done);
  writer.u64(record);
  return payload;
}

std::string begins_payload(std::uint64_t record) {
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(begins);
  writer.u64(record);
  return payload;
}

std::string payload_of(Gone const& gone) {
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(Type::gone);
  writer.u64(gone.told_by);
  writer.u32(static_cast<std::uint32_t>(gone.losses.size()));
  for (auto const& loss : gone.losses) {
    writer.u8(static_cast<std::uint8_t>(loss.reason));
    writer.u64(static_cast<std::uint64_t>(loss.first.time_since_epoch().count()));
    writer.u64(static_cast<std::uint64_t>(loss.last.time_since_epoch().count()));
    writer.u64(loss.batches);
  }
  for (auto const& [first, last] : gone.records) {
    writer.u64(first);
    writer.u64(last);
  }
  return payload;
}

std::string payload_of(Mark const& mark) {
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(synced);
  writer.u64(mark.next);
  writer.u64(mark.segment);
  writer.u64(mark.bytes);
  return payload;
}

std::optional<Gone> gone_in(std::string_view payload) {
  ByteReader reader(payload);
  if (reader.u8() != Type::gone) return std::nullopt;
  Gone gone;
  gone.told_by = reader.u64();
  auto const losses = reader.u32();
  auto const time = [&] { return WallTime(Nanoseconds(static_cast<std::int64_t>(reader.u64()))); };
  for (std::uint32_t i = 0; i < losses && reader.ok(); ++i) {
    auto& loss = gone.losses.emplace_back();
    loss.reason = static_cast<LossReason>(reader.u8());
    loss.first = time();
    loss.last = time();
    loss.batches = reader.u64();
    bool const known = loss.reason >= LossReason::full && loss.reason <= LossReason::thinned;
    if (!known || loss.last < loss.first) return std::nullopt;
  }
  while (reader.ok() && reader.left() > 0) {
    auto& range = gone.records.emplace_back();
    range.first = reader.u64();
    range.last = reader.u64();
    if (range.first > range.last || range.last > most_records) return std::nullopt;
  }
  return reader.ok() ? std::optional(std::move(gone)) : std::nullopt;
}

std::optional<Mark> mark_in(std::string_view payload) {
  ByteReader reader(payload);
  if (reader.u8() != synced) return std::nullopt;
  Mark mark;
  mark.next = reader.u64();
  mark.segment = reader.u64();
  mark.bytes = reader.u64();
  return reader.ok() && mark.next <= most_records ? std::optional(mark) : std::nullopt;
}

std::optional<std::string_view> payload_at(std::string_view bytes, std::size_t offset) {
  ByteReader reader(bytes.substr(offset));
  if (reader.raw(magic.size()) != magic) return std::nullopt;
  auto const size = reader.u32();
  auto const crc = reader.u32();
  if (!reader.ok() || size == 0 || size > max_payload) return std::nullopt;
  auto const payload = reader.raw(size);
  if (!reader.ok() || crc_of(payload) != crc) return std::nullopt;
  return payload;
}

void scan(std::string_view bytes,
          std::function<void(std::size_t offset, std::string_view payload)> const& take,
          std::function<void()> const& damaged) {
  bool within_damage = false;
  for (std::size_t offset = 0; offset < bytes.size();) {
    if (auto const payload = payload_at(bytes, offset)) {
      take(offset + head_bytes, *payload);
      offset += head_bytes + payload->size();
      within_damage = false;
      continue;
    }
    if (!within_damage) damaged();
    within_damage = true;
    offset = std::min(bytes.find(magic, offset + 1), bytes.size());
  }
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

}  // namespace dadvisor::agent::spool_record
