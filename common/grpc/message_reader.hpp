#pragma once
// gRPC's framing of messages in a stream of bytes (gRPC over HTTP2: Length-Prefixed-Message): u8
// whether it is compressed, u32 length in network order, the message. Not thread-safe.

#include <functional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::grpc {

// `message` in its frame; of at most 4 GiB less a byte.
std::string framed(std::string_view message);

class MessageReader {
 public:
  // `most`: bytes of one message.
  explicit MessageReader(std::size_t most) : most_(most) {}
  // Takes a piece of the stream, cut anywhere; calls `take` for each message that is whole now.
  // Errors, behind which the stream is of no use any more: malformed (a compressed message),
  // too_large; what came before is taken.
  Result<void> feed(std::string_view bytes, std::function<void(std::string_view)> const& take);

 private:
  std::size_t most_;
  std::string begun_;  // of a message that is not whole yet, with its prefix
};

}  // namespace dadvisor::grpc
