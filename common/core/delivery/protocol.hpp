#pragma once
// What agent and aggregator say to each other, as values and as bytes (PROTOCOL.md). Pure; any
// thread. Parsing trusts nothing and fails with malformed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/clock.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::delivery {

inline constexpr std::string_view hello_path = "/api/v1/hello";
inline constexpr std::string_view batches_path = "/api/v1/batches";
inline constexpr std::size_t window = 8;            // frames of one lane in one request
inline constexpr std::size_t body_bytes = 8 << 20;  // of a batches request
inline constexpr std::size_t hello_bytes = 4096;    // of a hello's body

// One sequence per lane.
struct LaneMarks {
  std::uint64_t fresh = 0;
  std::uint64_t backlog = 0;
  std::uint64_t& operator[](Lane lane) { return lane == Lane::fresh ? fresh : backlog; }
  std::uint64_t operator[](Lane lane) const { return lane == Lane::fresh ? fresh : backlog; }
  bool operator==(LaneMarks const&) const = default;
};

// The first thing that a sender says on a connection.
struct Hello {
  std::string agent;
  std::string instance;  // random, of this run of the agent
  std::string boot_id;   // /proc/sys/kernel/random/boot_id
  std::uint64_t epoch = 0;
  // The least sequence that the sender can still give (or the next that it will): what lies
  // between the receiver's mark and it is lost for good.
  LaneMarks first;
  bool operator==(Hello const&) const = default;
};

struct HelloReply {
  enum class Kind : std::uint8_t {
    welcome,
    conflict,  // another agent speaks under this id
    old_epoch  // a stream of a higher epoch is known
  };
  Kind kind = Kind::welcome;
  LaneMarks hi;             // welcome: all up to here is durable
  std::uint64_t epoch = 0;  // old_epoch: the one that is known
  std::string text;         // else: why, for a person
  bool operator==(HelloReply const&) const = default;
};

// A batch that will never be taken; its sequence counts as delivered.
struct RefusedBatch {
  Lane lane = Lane::fresh;
  std::uint64_t sequence = 0;
  std::string reason;
  bool operator==(RefusedBatch const&) const = default;
};

struct BatchesReply {
  enum class Want : std::uint8_t {
    nothing,
    sequence,  // a hole: `sequence` of `lane` must come first
    key,       // the base is not held: `sequence` of `lane` again as a key frame
    hello      // this instance has no session here
  };
  Want want = Want::nothing;
  LaneMarks acked;  // all up to here is durable (want hello: means nothing)
  Lane lane = Lane::fresh;
  std::uint64_t sequence = 0;
  std::vector<RefusedBatch> refused;
  // The sender's clock less the receiver's, at this request: at most the time that the request took
  // too low. nullopt: the sender did not tell its time.
  std::optional<Nanoseconds> clock_offset;
  bool operator==(BatchesReply const&) const = default;
};

std::string to_json(Hello const& hello);
std::string to_json(HelloReply const& reply);
std::string to_json(BatchesReply const& reply);
unsigned status_of(HelloReply const& reply);    // 200, else 409
unsigned status_of(BatchesReply const& reply);  // 200, else 409
Result<Hello> parse_hello(std::string_view json);
Result<HelloReply> parse_hello_reply(std::string_view json);
Result<BatchesReply> parse_batches_reply(std::string_view json);

// The body of a batches request: "dAB2", the instance, the sender's clock when it sends (i64 as
// u64, ns since 1970; 0: it does not tell), then each frame behind its u32 length.
std::string start_batches(std::string_view instance, std::optional<WallTime> sent = {});
void add_frame(std::string& body, std::string_view frame);
struct Batches {
  std::string_view instance;
  std::optional<WallTime> sent;
  std::vector<std::string_view> frames;  // views of the body
};
// Errors: malformed; too_large (more than two windows of frames, a frame beyond its limit).
Result<Batches> parse_batches(std::string_view body);

}  // namespace dadvisor::delivery
