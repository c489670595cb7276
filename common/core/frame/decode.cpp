#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"
#include "common/core/frame/frame.hpp"
#include "common/core/frame/layout.hpp"
#include "common/core/frame/lookup.hpp"
#include "common/core/prefetch.hpp"

namespace dadvisor {
namespace {

Error malformed(std::string what) { return Error{Errc::malformed, 0, "frame: " + std::move(what)}; }

// Every element of a list takes at least `bytes` bytes, so a greater count is a lie.
std::size_t read_count(ByteReader& reader, std::size_t bytes, std::size_t limit) {
  return reader.varint(std::min(limit, reader.left() / bytes));
}

class SlotReader {
 public:
  std::uint32_t read(ByteReader& reader) {
    auto const gap = reader.varint(frame_limit::slots);
    auto const slot = next_ + gap;
    if (slot >= frame_limit::slots) reader.fail();
    next_ = slot + 1;
    return static_cast<std::uint32_t>(slot);
  }

 private:
  std::uint64_t next_ = 0;
};

// Which parts stand behind the rows.
struct Trailing {
  bool events = false;
  bool losses = false;
};

// Checks size, magic, flags and CRC, and leaves `reader` behind the agent.
Result<FrameHeader> read_header(std::string_view frame, CrcCheck crc, ByteReader& reader,
                                Trailing& trailing) {
  using namespace frame_layout;
  if (frame.size() > frame_limit::frame_bytes)
    return Error{Errc::too_large, 0, "frame: " + std::to_string(frame.size()) + " bytes"};
  if (frame.size() < fixed_bytes + 1 + crc_bytes) return malformed("too short");
  if (frame.substr(0, magic.size() - 1) != magic.substr(0, magic.size() - 1))
    return malformed("no magic");
  if (frame[magic.size() - 1] != magic.back())
    return Error{Errc::unsupported, 0, "frame: a version that is not known"};
  ByteReader trailer(frame.substr(frame.size() - crc_bytes));
  if (crc == CrcCheck::due && trailer.u32() != crc32c(frame.substr(0, frame.size() - crc_bytes)))
    return malformed("the CRC does not match");

  reader = ByteReader(frame.substr(magic.size(), frame.size() - magic.size() - crc_bytes));
  FrameHeader header;
  auto const flags = reader.u8();
  if ((flags & ~(flag_delta | flag_events | flag_losses)) != 0)
    return Error{Errc::unsupported, 0, "frame: a flag that is not known"};
  trailing = {(flags & flag_events) != 0, (flags & flag_losses) != 0};
  auto const lane = reader.u8();
  if (lane > static_cast<std::uint8_t>(Lane::backlog)) return malformed("no such lane");
  header.lane = static_cast<Lane>(lane);
  header.sequence = reader.u64();
  header.stream.epoch = reader.u64();
  auto const base = reader.u64();
  if ((flags & flag_delta) != 0)
    header.base = base;
  else if (base != 0)
    return malformed("a key frame with a base");
  header.tick = WallTime(Nanoseconds(static_cast<std::int64_t>(reader.u64())));
  header.step = Nanoseconds(static_cast<std::int64_t>(reader.u64()));
  header.stream.agent = reader.string(frame_limit::agent_bytes);
  if (!reader.ok() || header.stream.agent.empty()) return malformed("its agent id");
  return header;
}

bool read_schemas(ByteReader& reader, std::vector<Schema>& schemas) {
  schemas.resize(read_count(reader, 1, frame_limit::schemas));
  for (auto& schema : schemas) {
    schema.metrics.resize(read_count(reader, 1, frame_limit::metrics));
    for (auto& id : schema.metrics) id = static_cast<MetricId>(reader.varint(0xffff));
  }
  return reader.ok();
}

bool read_entity(ByteReader& reader, std::string const& agent, Entity& entity) {
  auto const kind = reader.u8();
  if (kind != static_cast<std::uint8_t>(EntityKind::host) &&
      kind != static_cast<std::uint8_t>(EntityKind::container) &&
      kind != static_cast<std::uint8_t>(EntityKind::foreign))
    return false;
  entity.key.kind = static_cast<EntityKind>(kind);
  auto const host = reader.varint(frame_limit::host_bytes + 1);
  if (host == frame_layout::host_is_agent)
    entity.key.host = agent;
  else
    entity.key.host = reader.raw(host - 1);
  entity.key.container_id = reader.string(frame_limit::container_id_bytes);
  entity.key.start_ns = unzigzag(reader.varint());
  LabelsWriter labels;
  std::string_view previous;
  for (auto left = read_count(reader, 2, frame_limit::labels); left > 0; --left) {
    auto const name = reader.string(frame_limit::label_key_bytes);
    auto const value = reader.string(frame_limit::label_value_bytes);
    if (name <= previous) return false;  // empty, unsorted or twice
    labels.add(name, value);
    previous = name;
  }
  entity.labels = labels.take();
  return reader.ok();
}

// Whether this entity comes next; then `reader` is behind it.
bool repeats(ByteReader& reader, std::string const& agent, Entity const& entity) {
  auto const& key = entity.key;
  if (reader.u8() != static_cast<std::uint8_t>(key.kind)) return false;
  auto const host = reader.varint(frame_limit::host_bytes + 1);
  bool const same_host =
      host == frame_layout::host_is_agent ? key.host == agent : key.host == reader.raw(host - 1);
  if (!same_host || reader.string(frame_limit::container_id_bytes) != key.container_id ||
      unzigzag(reader.varint()) != key.start_ns)
    return false;
  // Their pairs stand in a frame as they do in memory.
  auto const labels = entity.labels.bytes();
  return reader.varint(frame_limit::labels) == entity.labels.size() &&
         reader.raw(labels.size()) == labels && reader.ok();
}

// The same of all entities of a key frame.
bool repeats(ByteReader& reader, std::string const& agent, SlotEntities const& known) {
  ByteReader ahead = reader;
  if (known.empty() || ahead.varint() != known.size()) return false;
  SlotReader slots;
  for (auto const& [slot, entity] : known)
    if (slots.read(ahead) != slot || !repeats(ahead, agent, entity)) return false;
  reader = ahead;
  return true;
}

// The entities of a delta frame: the base's without the removed, with the changed put in. `fresh`:
// the slots of those that are not the base's, ascending.
bool read_entities(ByteReader& reader, Batch const* base, SlotEntities const& known, Batch& batch,
                   std::vector<std::uint32_t>& fresh) {
  if (base == nullptr && repeats(reader, batch.stream.agent, known)) {
    batch.entities = known;
    return true;
  }
  std::vector<std::uint32_t> removed;
  if (base != nullptr) {
    removed.resize(read_count(reader, 1, base->entities.size()));
    SlotReader slots;
    for (auto& slot : removed) {
      slot = slots.read(reader);
      if (find_slot(base->entities, slot) == nullptr) return false;
    }
    if (!reader.ok()) return false;
  }
  std::size_t constexpr least = 6;  // gap, kind, host, id, start, labels
  std::vector<SlotEntity> changed(read_count(reader, least, frame_limit::slots));
  SlotReader slots;
  for (auto& entry : changed) {
    entry.slot = slots.read(reader);
    if (!reader.ok() || !read_entity(reader, batch.stream.agent, entry.entity)) return false;
    fresh.push_back(entry.slot);
  }
  if (!reader.ok()) return false;
  if (base == nullptr) {
    batch.entities = std::move(changed);
    return true;
  }
  if (removed.empty() && changed.empty()) {
    batch.entities = base->entities;
    return true;
  }
  SlotEntities::List entities;
  entities.reserve(base->entities.size() + changed.size());
  auto next = changed.begin();
  auto gone = removed.begin();
  for (SlotEntity const& old : base->entities) {
    for (; next != changed.end() && next->slot < old.slot; ++next)
      entities.push_back(std::move(*next));
    bool const removed_now = gone != removed.end() && *gone == old.slot;
    if (removed_now) ++gone;
    if (next != changed.end() && next->slot == old.slot)
      entities.push_back(std::move(*next++));
    else if (!removed_now)
      entities.push_back(old);
  }
  std::move(next, changed.end(), std::back_inserter(entities));
  batch.entities = std::move(entities);
  return true;
}

// Applies the changes of a part of the cells, a set bit each.
void read_changes(ByteReader::Varints& changes, std::uint64_t mask, std::uint64_t& present,
                  std::int64_t* values) {
  auto const before = present;
  present |= mask;
  for (; mask != 0; mask &= mask - 1) {
    auto& value = values[std::countr_zero(mask)];
    auto const change = changes.next();
    // An absent one's value is 0.
    value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) +
                                      static_cast<std::uint64_t>(unzigzag(change)));
    std::uint64_t const bit = mask & -mask;
    if (change == 0 && (before & bit) != 0) {
      present &= ~bit;
      value = 0;
    }
  }
}

// `cells`: as they were before.
bool read_cells(ByteReader& reader, Cells& cells) {
  auto const width = cells.size();
  auto const mask = reader.raw((width + 7) / 8);
  if (!reader.ok()) return false;
  if (width % 8 != 0 && static_cast<unsigned char>(mask.back()) >> (width % 8) != 0) return false;
  ByteReader::Varints changes(reader);
  std::size_t const parts = cells.parts(), part_bytes = Cells::part_cells / 8;
  for (std::size_t part = 0; part < parts; ++part) {
    std::uint64_t word = 0;
    std::memcpy(&word, mask.data() + part * part_bytes,
                std::min(sizeof word, mask.size() - part * part_bytes));
    read_changes(changes, word, cells.present(part), cells.values(part).data());
  }
  return true;  // as far as the masks say; whether all the changes were there says the reader
}

// Goes on to that slot, in a vector that ascends by slot; null where there is none.
template <typename Elements, typename At>
auto go_to(std::uint32_t slot, At& at, Elements& elements) -> decltype(&*at) {
  while (at != elements.end() && at->slot < slot) ++at;
  return at != elements.end() && at->slot == slot ? &*at : nullptr;
}

// `fresh`: of read_entities(). The rows of a base that is not const are used up.
template <typename Base>
bool read_rows(ByteReader& reader, Base* base, std::vector<std::uint32_t> const& fresh,
               Batch& batch) {
  batch.rows.resize(read_count(reader, 2, batch.entities.size()));
  SlotReader slots;
  std::size_t cells = 0;
  auto const& entities = batch.entities.list();
  auto entity = entities.begin();
  decltype(base->rows.begin()) old_row;
  if (base != nullptr) old_row = base->rows.begin();
  bool const same_entities = base != nullptr && batch.entities.is(base->entities);
  for (auto& row : batch.rows) {
    row.slot = slots.read(reader);
    row.schema = static_cast<std::uint32_t>(reader.varint(frame_limit::schemas));
    if (!reader.ok() || row.schema >= batch.schemas.size()) return false;
    auto const width = batch.schemas[row.schema].metrics.size();
    cells += width;
    if (cells > frame_limit::cells || (width + 7) / 8 > reader.left()) return false;
    decltype(&*old_row) before = nullptr;
    if (base != nullptr) before = go_to(row.slot, old_row, base->rows);
    // Of whom the base has a row it has the entity.
    bool const known = same_entities && before != nullptr;
    if (!known && go_to(row.slot, entity, entities) == nullptr) return false;
    if (before != nullptr) {
      // The next row's cells come from memory while these are read.
      if (auto const next = old_row + 1; next != base->rows.end())
        prefetch<Access::write>(next->cells.words().data(), next->cells.words().size_bytes());
      // base_row()'s rule; whose entity is the base's own is of the same life.
      bool const same = before->schema == row.schema &&
                        (!std::binary_search(fresh.begin(), fresh.end(), row.slot) ||
                         base_row(base, batch.entities, row.slot, row.schema) != nullptr);
      if (!same) before = nullptr;
    }
    if (before == nullptr)
      row.cells.resize(width);
    else if constexpr (std::is_const_v<Base>)
      row.cells = before->cells;
    else
      row.cells = std::move(before->cells);
    if (!read_cells(reader, row.cells) || !reader.ok()) return false;
  }
  return reader.ok();
}

bool read_events(ByteReader& reader, Batch& batch) {
  std::size_t constexpr least =
      10;  // kind, entity of 5, time, flags, whether there is a code, reason
  batch.events.resize(read_count(reader, least, frame_limit::events));
  for (auto& event : batch.events) {
    auto const kind = reader.u8();
    if (kind != static_cast<std::uint8_t>(ContainerEventKind::exit) &&
        kind != static_cast<std::uint8_t>(ContainerEventKind::oom))
      return false;
    event.kind = static_cast<ContainerEventKind>(kind);
    if (!reader.ok() || !read_entity(reader, batch.stream.agent, event.entity)) return false;
    event.time_ns = unzigzag(reader.varint());
    auto const flags = reader.u8();
    if ((flags & ~frame_layout::event_oom_killed) != 0) return false;
    event.oom_killed = flags != 0;
    if (reader.varint(1) == 1) event.exit_code = unzigzag(reader.varint());
    event.reason = reader.string(frame_limit::reason_bytes);
  }
  return reader.ok() && !batch.events.empty();
}

bool read_losses(ByteReader& reader, Batch& batch) {
  std::size_t constexpr least = 4;  // reason, first tick, last tick, batches
  batch.losses.resize(read_count(reader, least, frame_limit::losses));
  for (auto& loss : batch.losses) {
    auto const reason = reader.u8();
    if (reason < static_cast<std::uint8_t>(LossReason::full) ||
        reason > static_cast<std::uint8_t>(LossReason::thinned))
      return false;
    loss.reason = static_cast<LossReason>(reason);
    auto const first = unzigzag(reader.varint());
    auto const most = std::numeric_limits<std::int64_t>::max();
    auto const room = first < 0 ? most : most - first;
    auto const length = reader.varint(static_cast<std::uint64_t>(room));
    loss.first = WallTime(Nanoseconds(first));
    loss.last = loss.first + Nanoseconds(static_cast<std::int64_t>(length));
    loss.batches = reader.varint();
  }
  return reader.ok() && !batch.losses.empty();
}

}  // namespace

Result<FrameHeader> peek_frame(std::string_view frame, CrcCheck crc) {
  ByteReader reader{{}};
  Trailing trailing;
  return read_header(frame, crc, reader, trailing);
}

namespace {

template <typename Base>
Result<Batch> decode(std::string_view frame, Base* base, CrcCheck crc, SlotEntities const& known) {
  ByteReader reader{{}};
  Trailing trailing;
  auto header = read_header(frame, crc, reader, trailing);
  if (!header) return header.error();
  if (!header->base) base = nullptr;
  if (header->base && (base == nullptr || base->sequence != *header->base ||
                       base->stream != header->stream || base->lane != header->lane))
    return Error{Errc::conflict, 0, "frame: not the base that it was written against"};

  Batch batch;
  batch.stream = std::move(header->stream);
  batch.lane = header->lane;
  batch.sequence = header->sequence;
  batch.tick = header->tick;
  batch.step = header->step;
  if (base == nullptr) {
    if (!read_schemas(reader, batch.schemas)) return malformed("its schemas");
  } else if constexpr (std::is_const_v<Base>) {
    batch.schemas = base->schemas;
  } else {
    batch.schemas = std::move(base->schemas);
  }
  std::vector<std::uint32_t> fresh;
  if (!read_entities(reader, base, known, batch, fresh)) return malformed("its entities");
  if (!read_rows(reader, base, fresh, batch)) return malformed("its rows");
  if (trailing.events && !read_events(reader, batch)) return malformed("its events");
  if (trailing.losses && !read_losses(reader, batch)) return malformed("its losses");
  if (reader.left() != 0) return malformed("bytes behind its rows");
  return batch;
}

}  // namespace

Result<Batch> decode_frame(std::string_view frame, Batch const* base, CrcCheck crc,
                           SlotEntities const& known) {
  return decode(frame, base, crc, known);
}

Result<Batch> decode_frame(std::string_view frame, Batch&& base, CrcCheck crc) {
  return decode(frame, &base, crc, {});
}

}  // namespace dadvisor
