#include "agent_targets.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "agent/net/host_links.hpp"
#include "agent/send/spool.hpp"
#include "common/core/frame/bytes.hpp"
#include "common/core/frame/crc32c.hpp"
#include "must.hpp"
#include "scratch.hpp"
#include "tests/agent/net/route_answers.hpp"

namespace dadvisor::fuzz {
namespace {

using namespace agent;

// Each message and attribute by itself, whatever its type.
void scan_all(std::string_view bytes) {
  NetlinkMessage message;
  std::size_t left = bytes.size();
  while (take_message(bytes, message) == Taken::one) {
    must(bytes.size() < left, "a message is not empty");
    must(message.body.size() < left, "a message lies within its datagram");
    left = bytes.size();
    static_cast<void>(scan_link_counters(message.body));
    static_cast<void>(scan_name_space(message.body));
    auto const link = scan_link(message.body);
    must(!link || link->index > 0, "a link has a number");
  }
}

}  // namespace

// The answer to a dump of links, as long as a u16 says, the one to a dump of counters, and notices.
void take_links(std::string_view bytes) {
  ByteReader reader(bytes);
  auto const piece = [&reader] {
    std::size_t const low = reader.u8(), high = reader.u8();
    return reader.raw(std::min(low | high << 8, reader.left()));
  };
  std::string const links(piece()), counters(piece()), notices(reader.raw(reader.left()));
  scan_all(links);
  scan_all(counters);
  scan_all(notices);
  test::RouteAnswers kernel;
  HostLinks host(kernel.opener());
  // No datagram is empty.
  if (!links.empty()) kernel.answer(links);
  if (!counters.empty()) kernel.answer(counters);
  host.begin_tick();
  bool const whole = host.failures() == 0;
  for (std::int32_t space = -1; space < 8; ++space)
    for (std::uint64_t version = 0; version < 16; ++version)
      if (auto const told = host.counters({space, version, 0}))
        must(whole || (told->rx_bytes == 0 && told->tx_bytes == 0),
             "nothing is told of a dump that did not come whole");
  if (!notices.empty() && whole) kernel.tell(notices);
  host.begin_tick();
  must(host.failures() <= 2, "a tick fails once");
}

namespace {

std::string spool_record(std::string_view payload) {
  std::string size, record;
  ByteWriter(size).u32(static_cast<std::uint32_t>(payload.size()));
  ByteWriter writer(record);
  writer.raw("dSP1");
  writer.raw(size);
  writer.u32(crc32c(payload, crc32c(size)));
  writer.raw(payload);
  return record;
}

// A spool's directory out of pieces of the input: garbage, records of right CRC with any payload,
// batches, places and ends of the input's choice. No number is given twice, as no spool does.
void put_spool(Scratch const& scratch, std::string_view bytes) {
  ByteReader reader(bytes);
  std::string segment;
  int segments = 0;
  std::set<std::uint64_t> given;
  auto const finish = [&] {
    scratch.put("spool/segment-000000000000000" + std::to_string(++segments), segment);
    segment.clear();
  };
  while (reader.left() > 2 && segments < 8) {
    auto const kind = reader.u8();
    std::size_t const low = reader.u8(), high = reader.u8();
    std::string_view const part = reader.raw(std::min(low | high << 8, reader.left()));
    ByteReader any(part);
    bool const batch = kind % 5 == 2 || (kind % 5 == 1 && any.u8() == 1);
    if (batch && !given.insert(kind % 5 == 2 ? kind / 5U : any.u64()).second) continue;
    std::string payload;
    ByteWriter writer(payload);
    writer.u8(kind % 5 - 1);
    writer.u64(kind / 5U);
    if (kind % 5 == 2) writer.u64(std::uint64_t{kind} * 1'000'000'000);
    if (kind % 5 == 3) {
      writer.u64(1);
      writer.u8(part.empty() ? 0 : static_cast<std::uint8_t>(part[0] & 1));
      writer.u64(part.size());
    }
    if (kind % 5 == 2) writer.raw(part);
    if (kind % 5 == 0) segment += part;
    if (kind % 5 == 1) segment += spool_record(part);
    if (kind % 5 >= 2) segment += spool_record(payload);
    if (kind % 5 == 4 && part.empty()) finish();
  }
  finish();
}

using Frames = std::map<std::uint64_t, std::string>;

// All that it holds.
Frames read_spool(Spool& spool) {
  Frames frames;
  std::uint64_t last = 0;
  for (auto const& held : spool.held()) {
    must(frames.empty() || held.record > last, "batches are held by their numbers");
    last = held.record;
    must(spool.holds(last) && spool.tick(last), "what is held is known");
    auto const frame = spool.read(last);
    must(frame.has_value(), "what is held can be read");
    frames[last] = *frame;
  }
  must(spool.counters().batches == frames.size(), "what is held is counted");
  return frames;
}

}  // namespace

// Whatever stands in a spool: what is held is held in the next run as well, and only that.
void take_spool(std::string_view bytes) {
  static Scratch const scratch;
  scratch.clear();
  scratch.put("spool/epoch", "1\n");
  put_spool(scratch, bytes);
  SpoolOptions options;
  options.directory = scratch.path() + "/spool";
  options.segment_bytes = 512;
  WallTime const now = from_unix_seconds(100);
  auto const open = [&] {
    auto opened = Spool::open(options, now);
    must(opened.has_value() && opened->epoch() == 1, "a spool opens whatever is in it");
    return std::move(*opened);
  };
  Frames frames;
  {
    auto spool = open();
    frames = read_spool(spool);
    auto const record = spool.new_record();
    must(frames.empty() || record > frames.rbegin()->first, "a new batch has a new number");
    must(spool.append(record, now, "new").has_value(), "a spool can be written on");
    frames[record] = "new";
    must(spool.place(record, {Lane::fresh, 9}).has_value(), "a batch can be given a place");
    bool every_other = false;
    for (auto const& held : spool.held())
      if ((every_other = !every_other) && held.record != record) {
        spool.done(held.record);
        frames.erase(held.record);
      }
    must(read_spool(spool) == frames, "what is done is gone and the rest is there");
  }
  {
    auto spool = open();
    must(read_spool(spool) == frames, "the next run holds what this one held");
    auto const held = spool.held();
    must(held.back().place == delivery::Place{Lane::fresh, 9}, "in the place that it was given");
  }
  {
    auto spool = open();
    std::set<std::uint64_t> placed;
    for (auto const& held : spool.held())
      if (held.place) placed.insert(held.record);
    while (auto const part = spool.part_to_thin()) {
      std::set<std::uint64_t> leaving;
      for (auto const one : part->records)
        if (one % 3 == 0 && !placed.contains(one)) leaving.insert(one);
      auto const before = spool.counters().bytes;
      must(spool.thin(part->segment, leaving, {}).has_value(), "what can be read can be thinned");
      must(spool.counters().bytes + 8 * leaving.size() <= before, "what left gives bytes back");
      for (auto const one : leaving) frames.erase(one);
    }
    must(read_spool(spool) == frames, "what was thinned is gone and the rest is there");
  }
  {
    auto spool = open();
    must(read_spool(spool) == frames, "also in the next run");
  }
  options.max_bytes = 256;
  auto spool = open();
  auto const dropped = spool.trim(now, 0);
  for (auto const& gone : dropped) must(frames.erase(gone.record) == 1, "what is dropped was held");
  must(read_spool(spool) == frames, "what is not dropped is there");
  must(spool.counters().dropped_full + spool.counters().dropped_old == dropped.size(),
       "what is dropped is counted");
}

}  // namespace dadvisor::fuzz
