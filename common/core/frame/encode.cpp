// A frame's bytes, in order (FORMAT.md explains each):
//
//   0  "dAF1"                    magic and version
//   4  u8   flags                bit 0: delta, bit 1: events, bit 2: losses
//   5  u8   lane
//   6  u64  sequence
//  14  u64  epoch
//  22  u64  base sequence        0 in a key frame
//  30  i64  tick, ns             wall clock
//  38  i64  step, ns
//  46  string agent
//      key: schemas              count, then of each: count, metric ids
//      delta: removed slots      count, then gaps
//      entities                  key: all; delta: new or changed
//      rows                      count, then of each: slot gap, schema, change mask, changes
//      events                    only with their flag: count, then of each: kind, entity, ...
//      losses                    only with their flag: count, then of each: reason, ticks, batches
//      u32  CRC-32C              of all before
//
// Integers little-endian; all else varints, strings behind their length.

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"
#include "common/core/frame/frame.hpp"
#include "common/core/frame/layout.hpp"
#include "common/core/frame/lookup.hpp"

namespace dadvisor {
namespace {

void write_header(ByteWriter& writer, Batch const& batch, std::optional<std::uint64_t> base) {
  writer.raw(frame_layout::magic);
  auto const delta = base ? frame_layout::flag_delta : 0;
  auto const events = batch.events.empty() ? 0 : frame_layout::flag_events;
  auto const losses = batch.losses.empty() ? 0 : frame_layout::flag_losses;
  writer.u8(static_cast<std::uint8_t>(delta | events | losses));
  writer.u8(static_cast<std::uint8_t>(batch.lane));
  writer.u64(batch.sequence);
  writer.u64(batch.stream.epoch);
  writer.u64(base.value_or(0));
  writer.u64(static_cast<std::uint64_t>(batch.tick.time_since_epoch().count()));
  writer.u64(static_cast<std::uint64_t>(batch.step.count()));
  writer.string(batch.stream.agent);
}

// Slots ascend: each is written as its distance to the one that could follow its predecessor.
class SlotWriter {
 public:
  explicit SlotWriter(ByteWriter& writer) : writer_(writer) {}
  void write(std::uint32_t slot) {
    writer_.varint(slot - next_);
    next_ = slot + 1;
  }

 private:
  ByteWriter& writer_;
  std::uint32_t next_ = 0;
};

void write_entity(ByteWriter& writer, std::string const& agent, Entity const& entity) {
  auto const& key = entity.key;
  writer.u8(static_cast<std::uint8_t>(key.kind));
  if (key.host == agent) {
    writer.varint(frame_layout::host_is_agent);
  } else {
    writer.varint(key.host.size() + 1);
    writer.raw(key.host);
  }
  writer.string(key.container_id);
  writer.varint(zigzag(key.start_ns));
  writer.varint(entity.labels.size());
  for (auto const& [name, value] : entity.labels) {
    writer.string(name);
    writer.string(value);
  }
}

void write_entities(ByteWriter& writer, std::string const& agent,
                    std::span<SlotEntity const* const> entities) {
  writer.varint(entities.size());
  SlotWriter slots(writer);
  for (auto const* entry : entities) {
    slots.write(entry->slot);
    write_entity(writer, agent, entry->entity);
  }
}

void write_events(ByteWriter& writer, Batch const& batch) {
  if (batch.events.empty()) return;
  writer.varint(batch.events.size());
  for (auto const& event : batch.events) {
    writer.u8(static_cast<std::uint8_t>(event.kind));
    write_entity(writer, batch.stream.agent, event.entity);
    writer.varint(zigzag(event.time_ns));
    writer.u8(event.oom_killed ? frame_layout::event_oom_killed : 0);
    writer.varint(event.exit_code ? 1 : 0);
    if (event.exit_code) writer.varint(zigzag(*event.exit_code));
    writer.string(event.reason);
  }
}

void write_losses(ByteWriter& writer, Batch const& batch) {
  if (batch.losses.empty()) return;
  writer.varint(batch.losses.size());
  for (auto const& loss : batch.losses) {
    writer.u8(static_cast<std::uint8_t>(loss.reason));
    writer.varint(zigzag(loss.first.time_since_epoch().count()));
    writer.varint(static_cast<std::uint64_t>((loss.last - loss.first).count()));
    writer.varint(loss.batches);
  }
}

// put_varint() for what may be long, a double's change nearly always: all at once, as it is read,
// for how long it is cannot be foretold.
char* put_long_varint(char* out, std::uint64_t value) {
  if (value < 0x80) return put_varint(out, value);
  auto const size = (static_cast<unsigned>(std::bit_width(value)) + 6) / 7;
  std::uint64_t word = (value & 0x0fff'ffff) | (value & 0x00ff'ffff'f000'0000) << 4;
  word = (word & 0x0000'3fff'0000'3fff) | (word & 0x0fff'c000'0fff'c000) << 2;
  word = (word & 0x007f'007f'007f'007f) | (word & 0x3f80'3f80'3f80'3f80) << 1;
  std::uint64_t const more = 0x8080'8080'8080'8080;
  word |= size > 8 ? more : more >> (8 * (9 - size));
  std::memcpy(out, &word, sizeof word);
  out[8] = static_cast<char>((value >> 56 & 0x7f) | (size > 9 ? 0x80 : 0));
  out[9] = static_cast<char>(value >> 63);
  return out + size;
}

// Which cells of a part differ from the old ones (null: all absent), a bit each.
std::uint64_t changed(Cells const& cells, Cells const* old, std::size_t part) {
  if (old == nullptr) return cells.present(part);
  std::uint64_t mask = cells.present(part) ^ old->present(part);
  auto const values = cells.values(part), others = old->values(part);
  for (std::size_t i = 0; i < values.size(); ++i)
    mask |= std::uint64_t{values[i] != others[i]} << i;
  return mask;
}

// The mask says which cells differ from `before` (none: all absent). A change is the zigzag of
// the difference, or of the value where there was none; 0, which is no difference, says absent.
void write_cells(ByteWriter& writer, Cells const& cells, Row const* before) {
  constexpr std::size_t at_once = Cells::part_cells, most_of_varint = 10;
  std::array<char, at_once * most_of_varint> bytes;  // appended together: one by one costs twice
  auto const* const old = before != nullptr ? &before->cells : nullptr;
  std::size_t const parts = cells.parts();
  std::uint64_t mask = 0;
  for (std::size_t part = 0; part < parts; ++part) {
    mask = changed(cells, old, part);
    std::memcpy(bytes.data(), &mask, sizeof mask);
    writer.raw({bytes.data(), (cells.values(part).size() + 7) / 8});
  }
  for (std::size_t part = 0; part < parts; ++part) {
    if (parts > 1) mask = changed(cells, old, part);
    auto const values = cells.values(part);
    auto const present = cells.present(part);
    char* out = bytes.data();
    for (; mask != 0; mask &= mask - 1) {
      auto const i = static_cast<std::size_t>(std::countr_zero(mask));
      std::uint64_t change = 0;
      if (((present >> i) & 1) != 0) {
        // Unsigned, so that a jump from one end of the range to the other wraps, and back again.
        auto const was = old != nullptr ? old->values(part)[i] : 0;
        auto const step = static_cast<std::uint64_t>(values[i]) - static_cast<std::uint64_t>(was);
        change = zigzag(static_cast<std::int64_t>(step));
      }
      out = put_long_varint(out, change);
    }
    writer.raw({bytes.data(), static_cast<std::size_t>(out - bytes.data())});
  }
}

std::string encode(Batch const& batch, Batch const* base) {
  std::string frame;
  frame.reserve(base != nullptr ? 1024 : 8192);
  ByteWriter writer(frame);
  write_header(writer, batch, base != nullptr ? std::optional(base->sequence) : std::nullopt);

  std::vector<SlotEntity const*> entities;
  if (base == nullptr) {
    writer.varint(batch.schemas.size());
    for (auto const& schema : batch.schemas) {
      writer.varint(schema.metrics.size());
      for (auto const id : schema.metrics) writer.varint(id);
    }
    for (auto const& entry : batch.entities) entities.push_back(&entry);
  } else {
    std::vector<std::uint32_t> removed;
    bool const same = batch.entities.is(base->entities);
    if (!same)
      for (auto const& entry : base->entities)
        if (find_slot(batch.entities, entry.slot) == nullptr) removed.push_back(entry.slot);
    writer.varint(removed.size());
    SlotWriter slots(writer);
    for (auto const slot : removed) slots.write(slot);
    if (!same)
      for (auto const& entry : batch.entities) {
        auto const* const before = find_slot(base->entities, entry.slot);
        if (before == nullptr || *before != entry) entities.push_back(&entry);
      }
  }
  write_entities(writer, batch.stream.agent, entities);

  writer.varint(batch.rows.size());
  SlotWriter slots(writer);
  bool const same_lives = base != nullptr && batch.entities.is(base->entities);
  std::vector<Row>::const_iterator old;
  if (base != nullptr) old = base->rows.begin();
  for (auto const& row : batch.rows) {
    slots.write(row.slot);
    writer.varint(row.schema);
    Row const* before = nullptr;
    if (same_lives) {  // base_row(), without a search
      while (old != base->rows.end() && old->slot < row.slot) ++old;
      if (old != base->rows.end() && old->slot == row.slot && old->schema == row.schema)
        before = &*old;
    } else {
      before = base_row(base, batch.entities, row.slot, row.schema);
    }
    write_cells(writer, row.cells, before);
  }
  write_events(writer, batch);
  write_losses(writer, batch);
  writer.u32(crc32c(frame));
  return frame;
}

}  // namespace

std::string encode_key_frame(Batch const& batch) { return encode(batch, nullptr); }

std::string encode_delta_frame(Batch const& batch, Batch const& base) {
  return encode(batch, batch.schemas == base.schemas ? &base : nullptr);
}

void restamp_key_frame(std::string& frame, std::uint64_t epoch, Lane lane, std::uint64_t sequence) {
  std::string stamp;
  ByteWriter writer(stamp);
  writer.u8(static_cast<std::uint8_t>(lane));
  writer.u64(sequence);
  writer.u64(epoch);
  frame.replace(frame_layout::lane_at, stamp.size(), stamp);
  frame.resize(frame.size() - frame_layout::crc_bytes);
  ByteWriter(frame).u32(crc32c(frame));
}

}  // namespace dadvisor
