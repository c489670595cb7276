#pragma once
// The frame of netlink: messages one behind the other in a datagram, attributes one behind the
// other in a message, each with its own length in front and padded to 4 bytes (linux/netlink.h,
// netlink(7); this machine's byte order). Every length is checked against what is there. Pure.

#include <cstdint>
#include <string>
#include <string_view>

namespace dadvisor::agent {

enum class Taken { one, end, malformed };

struct NetlinkMessage {
  std::uint16_t type = 0;  // RTM_NEWLINK, NLMSG_DONE, ...
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;  // of the request that it answers; 0 when nobody asked
  std::string_view body;       // behind the header
};
// Takes the next message off `datagram`, which `message` then shows into.
Taken take_message(std::string_view& datagram, NetlinkMessage& message);

struct NetlinkAttribute {
  std::uint16_t type = 0;  // without the flags for nesting and byte order
  std::string_view value;
};
Taken take_attribute(std::string_view& attributes, NetlinkAttribute& attribute);

// A 32-bit value; false when it is shorter.
bool scan_u32(std::string_view value, std::uint32_t& into);

// A request: header, `body` (a structure of the kernel's, whole) and attributes of 32 bits.
class NetlinkRequest {
 public:
  NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::string_view body);
  NetlinkRequest& with(std::uint16_t attribute, std::uint32_t value);
  std::string bytes(std::uint32_t sequence) const;

 private:
  std::string bytes_;
};

}  // namespace dadvisor::agent
