#include "agent/net/netlink_message.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <cstring>

namespace dadvisor::agent {

namespace {

constexpr std::size_t padded(std::size_t length) { return (length + 3) & ~std::size_t{3}; }

// The last one may lack its padding.
void skip(std::string_view& bytes, std::size_t length) {
  bytes.remove_prefix(std::min(padded(length), bytes.size()));
}

}  // namespace

Taken take_message(std::string_view& datagram, NetlinkMessage& message) {
  if (datagram.empty()) return Taken::end;
  nlmsghdr header{};
  if (datagram.size() < sizeof header) return Taken::malformed;
  std::memcpy(&header, datagram.data(), sizeof header);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size())
    return Taken::malformed;
  message = {header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq,
             datagram.substr(sizeof header, header.nlmsg_len - sizeof header)};
  skip(datagram, header.nlmsg_len);
  return Taken::one;
}

Taken take_attribute(std::string_view& attributes, NetlinkAttribute& attribute) {
  if (attributes.empty()) return Taken::end;
  nlattr header{};
  if (attributes.size() < sizeof header) return Taken::malformed;
  std::memcpy(&header, attributes.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > attributes.size()) return Taken::malformed;
  attribute = {static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
               attributes.substr(sizeof header, header.nla_len - sizeof header)};
  skip(attributes, header.nla_len);
  return Taken::one;
}

bool scan_u32(std::string_view value, std::uint32_t& into) {
  if (value.size() < sizeof into) return false;
  std::memcpy(&into, value.data(), sizeof into);
  return true;
}

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::string_view body) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
  bytes_.append(reinterpret_cast<char const*>(&header), sizeof header);
  bytes_ += body;
  bytes_.resize(padded(bytes_.size()));
}

NetlinkRequest& NetlinkRequest::with(std::uint16_t attribute, std::uint32_t value) {
  nlattr header{};
  header.nla_len = sizeof header + sizeof value;
  header.nla_type = attribute;
  bytes_.append(reinterpret_cast<char const*>(&header), sizeof header);
  bytes_.append(reinterpret_cast<char const*>(&value), sizeof value);
  return *this;
}

std::string NetlinkRequest::bytes(std::uint32_t sequence) const {
  std::string whole = bytes_;
  nlmsghdr header{};
  std::memcpy(&header, whole.data(), sizeof header);
  header.nlmsg_len = static_cast<std::uint32_t>(whole.size());
  header.nlmsg_seq = sequence;
  std::memcpy(whole.data(), &header, sizeof header);
  return whole;
}

}  // namespace dadvisor::agent
