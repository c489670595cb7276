#include "targets.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "agent_targets.hpp"
#include "aggregator/store/block.hpp"
#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/column.hpp"
#include "aggregator/store/log_record.hpp"
#include "aggregator/store/log_replay.hpp"
#include "aggregator/store/packed_integers.hpp"
#include "aggregator/store/spill_file.hpp"
#include "common/core/delivery/protocol.hpp"
#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"
#include "common/core/frame/frame.hpp"
#include "kernel_targets.hpp"
#include "must.hpp"
#include "point_targets.hpp"
#include "query_targets.hpp"
#include "runtime_targets.hpp"
#include "scratch.hpp"
#include "tests/aggregator/store/simulated_disk.hpp"

namespace dadvisor::fuzz {
namespace {

using namespace aggregator::store;

void put_file(SimulatedDisk& disk, std::string const& path, std::string_view bytes) {
  auto file = disk.create(path);
  must(file && (*file)->append(bytes), "a file can be made");
}

// A piece of the input: its length as u16, and so many bytes as are there.
std::string_view piece(ByteReader& reader) {
  std::size_t const low = reader.u8(), high = reader.u8();
  return reader.raw(std::min(low | high << 8, reader.left()));
}

std::string with_crc(std::string_view bytes) {
  std::string whole(bytes);
  ByteWriter(whole).u32(crc32c(bytes));
  return whole;
}

// A key frame, and one that may be a delta upon it.
void take_frame(std::string_view bytes) {
  ByteReader reader(bytes);
  auto const first = with_crc(piece(reader)), second = with_crc(reader.raw(reader.left()));
  static_cast<void>(peek_frame(first));
  auto const base = decode_frame(first, nullptr);
  if (base) {
    auto const again = decode_frame(encode_key_frame(*base), nullptr);
    must(again && *again == *base, "a key frame says the same when written again");
  }
  auto const batch = decode_frame(second, base ? &*base : nullptr);
  auto const known = base ? base->entities : SlotEntities();
  auto const sharing = decode_frame(second, base ? &*base : nullptr, CrcCheck::due, known);
  must(sharing.has_value() == batch.has_value() && (!batch || *sharing == *batch),
       "a frame says the same whatever was known before");
  if (auto used_up = base) {
    auto const in_its_place = decode_frame(second, std::move(*used_up));
    must(in_its_place.has_value() == batch.has_value() && (!batch || *in_its_place == *batch),
         "a frame says the same of a base that it uses up");
  }
  if (!batch) return;
  auto const again = decode_frame(encode_key_frame(*batch), nullptr);
  must(again && *again == *batch, "a delta says the same as a key frame");
  if (!base) return;
  auto const delta = decode_frame(encode_delta_frame(*batch, *base), &*base);
  must(delta && *delta == *batch, "a delta says the same when written again");
}

// Pieces of a log file, in turn garbage and whole records.
void take_log(std::string_view bytes) {
  ByteReader reader(bytes);
  std::string log;
  while (reader.left() > 2) {
    auto const kind = reader.u8();
    auto const part = piece(reader);
    if (kind % 4 == 0) {
      log += part;
    } else {
      append_record(log, kind % 4 == 1 ? std::string(part) : with_crc(part),
                    kind % 4 == 3 ? kind : log.size());
    }
  }
  SimulatedDisk disk;
  put_file(disk, "/log/00000001.log", log);
  auto const survey = survey_log(disk, "/log");
  must(survey && survey->files.size() == 1, "a log can be read whatever is in it");
  std::size_t applied = 0;
  auto const undecodable =
      replay_log(disk, "/log", survey->files, [&](std::uint64_t, Batch const&) {
        ++applied;
        return true;
      });
  must(undecodable.has_value(), "a log can be replayed whatever is in it");
  auto const file = disk.open("/log/00000001.log");
  LogScanner scanner(**file);
  std::size_t records = 0;
  std::uint64_t end = 0;
  for (;;) {
    auto const record = scanner.next();
    must(record.has_value(), "a log can be scanned");
    if (!*record) break;
    must((*record)->offset >= end && (*record)->skipped_from <= (*record)->offset,
         "records ascend");
    end = (*record)->offset + record_size((*record)->frame);
    must(end <= log.size(), "a record ends in its file");
    ++records;
  }
  must(applied + *undecodable <= records, "no more batches than records");
}

// Whether each column has as many rows as there are ticks.
bool is_even(SelectedRows const& rows, std::size_t width) {
  return (rows.columns.size() == width || rows.ticks.empty()) &&
         std::ranges::all_of(rows.columns, [&](SelectedColumn const& column) {
           return column.values.size() == rows.ticks.size() &&
                  (column.has.empty() || column.has.size() == rows.ticks.size());
         });
}

void read_spill(SpillFile const& spill) {
  std::array const columns{MetricId{2}, MetricId{7}};
  std::uint64_t damaged_pages = 0;
  auto const ids = spill.entities(damaged_pages);
  std::size_t left = 64;
  for (EntityId const id : ids ? *ids : std::vector<EntityId>{0, 1}) {
    if (left-- == 0) break;
    SelectedRows out;
    SpillCursor cursor;
    static_cast<void>(spill.select(id, Selection(columns), INT64_MIN, INT64_MAX, out, cursor));
    must(is_even(out, columns.size()), "a cell for each column");
    ColumnTable table;
    std::uint64_t damaged = 0;
    if (spill.append(id, table, damaged, cursor)) table.settle(OfOneTick::first);
  }
}

// A spill, segment or tier file of the input's parts, with right CRCs: groups of a chunk and a
// directory, index, footer; or, of an input that begins with a whole file's first byte, as it is.
void take_spill(std::string_view bytes) {
  SimulatedDisk disk;
  if (bytes.starts_with('d')) {
    put_file(disk, "/s", bytes);
    if (auto const spill = SpillFile::open(disk, "/s")) read_spill(**spill);
    return;
  }
  ByteReader reader(bytes);
  std::size_t const groups = reader.u8() % 8;
  std::string file = "dASPILL5", entries;
  ByteWriter writer(entries);
  for (std::size_t i = 0; i < groups; ++i) {
    auto const flags = reader.u8();
    auto const chunk = piece(reader), blocks = piece(reader);
    // Of one chunk, unless the flags let the input say what there is.
    std::string directory(blocks);
    if ((flags & 16) == 0) {
      ByteWriter columns(directory);
      columns.varint(1);
      columns.varint(2);
      columns.varint(chunk.size() << 1);
    }
    auto const size = flags & 2 ? reader.u32() : static_cast<std::uint32_t>(chunk.size() + 4);
    writer.u32(static_cast<std::uint32_t>(flags & 1 ? reader.u32() : i + 1));
    writer.u32(static_cast<std::uint32_t>(flags & 1 ? reader.u32() : i + 1));
    writer.u32(size);
    writer.u32(flags & 2 ? reader.u32() : static_cast<std::uint32_t>(directory.size()));
    writer.u64(flags & 4 ? reader.u64() : file.size());
    writer.u64(flags & 8 ? reader.u64() : 0);
    writer.u64(flags & 8 ? reader.u64() : INT64_MAX);
    file += with_crc(chunk);
    file += with_crc(directory);
  }
  std::uint64_t const at = file.size();
  std::string pages;
  for (std::size_t i = 0; i < groups; i += 128) pages += entries.substr(i * 40, 4);
  if (!entries.empty()) file += with_crc(entries);
  file += with_crc(pages);
  std::string footer;
  ByteWriter fields(footer);
  for (int i = 0; i < 8; ++i) fields.u64(reader.u64());
  fields.u64(reader.left() > 0 ? reader.u64() : at);
  fields.u64(reader.left() > 0 ? reader.u64() : groups);
  file += with_crc(footer);
  file += "5LLIPSAd";
  put_file(disk, "/s", file);
  if (auto const spill = SpillFile::open(disk, "/s")) read_spill(**spill);
}

void take_block(std::string_view bytes) {
  std::array const columns{MetricId{2}, MetricId{7}, MetricId{2}};
  SelectedRows out;
  auto const selected = select_block(bytes, Selection(columns), INT64_MIN, INT64_MAX, out);
  must(is_even(out, columns.size()), "a cell for each column");
  must(selected || out.ticks.empty(), "nothing of a malformed block");
  ColumnTable table;
  auto const appended = append_block(bytes, table);
  auto const rows = decode_block(bytes);
  must(rows.has_value() == appended.has_value(), "both readers agree");
  if (!rows) return;
  must(table.ticks == rows->ticks(), "both have the ticks");
  std::string again, of_table;
  encode_block(*rows, 0, rows->size(), again);
  encode_block(table, 0, table.ticks.size(), of_table);
  must(again == of_table, "both write the same block");
  auto const back = decode_block(again);
  must(back && back->ticks() == rows->ticks(), "a block says the same when written again");
}

// How many values, a coding and its payload; and the rest as values.
void take_column(std::string_view bytes) {
  ByteReader reader(bytes);
  std::vector<std::int64_t> values(std::size_t{1} + reader.u8());
  auto const coding = reader.u8();
  auto const payload = reader.raw(reader.left());
  static_cast<void>(decode_column(coding, payload, values));
  std::vector<std::uint64_t> packed(values.size());
  static_cast<void>(unpack_integers(payload, packed));

  values.resize((payload.size() + 7) / 8);
  if (values.empty()) return;
  std::memcpy(values.data(), payload.data(), payload.size());
  std::string encoded;
  ColumnEncoder encoder;
  auto const its = encoder.encode(values, encoded);
  std::vector<std::int64_t> decoded(values.size());
  must(decode_column(its, encoded, decoded) && decoded == values, "a column comes back");
  packed.assign(values.begin(), values.end());
  std::string bits;
  pack_integers(packed, bits);
  std::vector<std::uint64_t> unpacked(packed.size());
  must(unpack_integers(bits, unpacked) && unpacked == packed, "packed integers come back");
}

// A sound catalogue with bytes of the input over its own: u16 place in its sectors, u8 value.
void take_catalogue(std::string_view bytes) {
  static Scratch const scratch;
  auto const path = scratch.path() + "/catalogue.db";
  auto const forget = [&] {
    for (auto const* const ending : {"", "-wal", "-shm", "-journal"})
      std::filesystem::remove(path + ending);
  };
  static std::string const sound = [&] {
    forget();
    {
      auto catalogue = Catalogue::open(path);
      must(catalogue.has_value(), "a catalogue can be made");
      CatalogueChange change;
      change.next_entity = 9;
      for (EntityId id = 1; id < 9; ++id) {
        CatalogueEntity entity;
        entity.info.id = id;
        entity.info.entity.key = {EntityKind::container, "host", "c" + std::to_string(id), 5};
        entity.info.entity.labels = {{"app", "/shop/cart"}, {"owner", std::string(id * 100, 'o')}};
        entity.info.columns = {1, 2, 3};
        change.entities.push_back(entity);
      }
      change.marks = {{{"agent", 1}, Lane::fresh, 7}};
      change.dirty = {{Tier::minute, {1, from_tick_ns(0), from_tick_ns(1)}}};
      change.unfinished = {{{EntityKind::app, "", "a", 0}, from_tick_ns(0), from_tick_ns(1)}};
      must(catalogue->save(change).has_value(), "and saved");
    }
    std::ifstream in(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  }();
  std::string changed = sound;
  ByteReader reader(bytes);
  while (reader.left() >= 3) {
    std::size_t const low = reader.u8(), high = reader.u8();
    changed[(low | high << 8) % changed.size()] = static_cast<char>(reader.u8());
  }
  forget();
  std::ofstream(path, std::ios::binary) << changed;
  auto catalogue = Catalogue::open(path);
  if (!catalogue) return;
  auto all = catalogue->load();
  if (all) static_cast<void>(catalogue->save(*all));
}

// What an agent sends to the aggregator.
void take_request(std::string_view bytes) {
  auto const hello = delivery::parse_hello(bytes);
  if (hello) {
    auto const again = delivery::parse_hello(delivery::to_json(*hello));
    must(again && *again == *hello, "a hello says the same when written again");
  }
  auto const batches = delivery::parse_batches(bytes);
  if (!batches) return;
  for (auto const frame : batches->frames) static_cast<void>(peek_frame(frame));
}

constexpr std::array all{Target{"frame", take_frame},
                         Target{"log", take_log},
                         Target{"spill", take_spill},
                         Target{"block", take_block},
                         Target{"column", take_column},
                         Target{"catalogue", take_catalogue},
                         Target{"request", take_request},
                         Target{"line", take_line},
                         Target{"pickle", take_pickle},
                         Target{"whisper", take_whisper},
                         Target{"target", take_target},
                         Target{"time", take_time},
                         Target{"glob", take_glob},
                         Target{"picture", take_picture},
                         Target{"posted_event", take_posted_event},
                         Target{"carbonapi", take_carbonapi},
                         Target{"links", take_links},
                         Target{"spool", take_spool},
                         Target{"cgroup", take_cgroup},
                         Target{"proc", take_proc},
                         Target{"mountinfo", take_mountinfo},
                         Target{"docker_json", take_docker_json},
                         Target{"event_stream", take_event_stream},
                         Target{"containerd", take_containerd},
                         Target{"grpc", take_grpc},
                         Target{"mesos_json", take_mesos_json},
                         Target{"documents", take_documents}};

}  // namespace

std::span<Target const> targets() { return all; }

}  // namespace dadvisor::fuzz
