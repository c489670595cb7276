#pragma once
// A frame: one batch as bytes, on the wire, in the agent's spool and in the aggregator's log.
//
// A key frame stands alone. A delta frame holds what differs from its base, an earlier batch of
// the same stream and lane, and can only be decoded with it. The byte layout is in FORMAT.md.
// All functions are pure; any thread. Decoding trusts nothing: it checks every declared count
// against the limits below and against the bytes that are left before it allocates.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor {

// What a frame may hold at most. A batch beyond them encodes, but no decoder takes it.
namespace frame_limit {
inline constexpr std::size_t frame_bytes = 4 << 20;
inline constexpr std::size_t agent_bytes = 255;  // not empty
inline constexpr std::size_t host_bytes = 255;
inline constexpr std::size_t container_id_bytes = 1024;  // of a foreign entity, its parent's path
inline constexpr std::size_t labels = 64;                // of one entity
inline constexpr std::size_t label_key_bytes = 255;      // not empty
inline constexpr std::size_t label_value_bytes = 4096;
inline constexpr std::size_t schemas = 64;
inline constexpr std::size_t metrics = 1024;  // of one schema
// No row may have this slot or one above. Nearly all of 32 bits: slots are never given twice, so
// they climb for as long as an epoch lasts; nothing here takes memory by a slot's height.
inline constexpr std::uint32_t slots = 0xffff'ffff;
inline constexpr std::size_t cells = 1 << 20;  // of all rows together
inline constexpr std::size_t events = 4096;
inline constexpr std::size_t reason_bytes = 1024;  // of one event
inline constexpr std::size_t losses = 256;
}  // namespace frame_limit

// What a frame says of itself before its rows.
struct FrameHeader {
  StreamId stream;
  Lane lane = Lane::fresh;
  std::uint64_t sequence = 0;
  std::optional<std::uint64_t> base;  // the base's sequence; nullopt: a key frame
  WallTime tick{};
  Nanoseconds step{};
  bool operator==(FrameHeader const&) const = default;
};

std::string encode_key_frame(Batch const& batch);

// `base`: an earlier batch of the same stream and lane that the receiver holds. A key frame all
// the same when their schemas differ.
std::string encode_delta_frame(Batch const& batch, Batch const& base);

// The same key frame as `frame` under another epoch, lane and sequence: for the spool, whose
// frames get their place in a lane only when they are sent. `frame` must be a whole key frame.
void restamp_key_frame(std::string& frame, std::uint64_t epoch, Lane lane, std::uint64_t sequence);

// done: peek_frame() or decode_frame() took these very bytes before, or they were encoded here.
enum class CrcCheck { due, done };

// The header, after the frame's size, magic and CRC were checked. Errors: malformed; unsupported
// (a version or a flag of a newer program); too_large.
Result<FrameHeader> peek_frame(std::string_view frame, CrcCheck crc = CrcCheck::due);

// The batch, of exactly the bytes given. `base` must be the batch that the header names (nullptr
// will do for a key frame). `known`: entities that were decoded before; a key frame that has the
// same shares their list. Errors: as peek_frame; conflict: the base is missing or another one.
Result<Batch> decode_frame(std::string_view frame, Batch const* base, CrcCheck crc = CrcCheck::due,
                           SlotEntities const& known = {});
// The same of a base that nobody needs any more: its cells become the batch's where they lie.
// Whatever the result, the base is left undefined.
Result<Batch> decode_frame(std::string_view frame, Batch&& base, CrcCheck crc = CrcCheck::due);

}  // namespace dadvisor
