#include "common/grpc/message_reader.hpp"

#include <fmt/format.h>

namespace dadvisor::grpc {

namespace {

constexpr std::size_t prefix_bytes = 5;  // "compressed" flag, length in network order

}  // namespace

std::string framed(std::string_view message) {
  auto const size = message.size();
  std::string frame(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8)
    frame.push_back(static_cast<char>((size >> shift) & 0xff));
  frame += message;
  return frame;
}

Result<void> MessageReader::feed(std::string_view bytes,
                                 std::function<void(std::string_view)> const& take) {
  begun_ += bytes;
  std::string_view rest = begun_;
  while (rest.size() >= prefix_bytes) {
    std::size_t size = 0;
    for (std::size_t i = 1; i < prefix_bytes; ++i)
      size = size << 8 | static_cast<unsigned char>(rest[i]);
    if (rest[0] != 0) return Error{Errc::malformed, 0, "a compressed message"};
    if (size > most_) return Error{Errc::too_large, 0, fmt::format("a message of {} bytes", size)};
    if (rest.size() < prefix_bytes + size) break;
    take(rest.substr(prefix_bytes, size));
    rest.remove_prefix(prefix_bytes + size);
  }
  begun_.erase(0, begun_.size() - rest.size());
  return {};
}

}  // namespace dadvisor::grpc
