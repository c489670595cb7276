#include "agent_targets.hpp"

#include <algorithm>
#include <cstdint>

#include "agent/net/host_links.hpp"
#include "common/core/frame/bytes.hpp"
#include "must.hpp"
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

}  // namespace dadvisor::fuzz
