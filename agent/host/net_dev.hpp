#pragma once
// /proc/net/dev and its neighbours: interface counters and TCP figures of one network namespace.
// Pure; any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace dadvisor::agent {

struct NetCounters {  // since the interfaces were made
  std::int64_t rx_bytes = 0;
  std::int64_t rx_packets = 0;
  std::int64_t rx_errors = 0;
  std::int64_t rx_drops = 0;
  std::int64_t tx_bytes = 0;
  std::int64_t tx_packets = 0;
  std::int64_t tx_errors = 0;
  std::int64_t tx_drops = 0;
};

// The sum over the interfaces that `wanted` accepts; all 0 when it accepts none. nullopt when the
// text is not a net/dev (no heading, a short line).
std::optional<NetCounters> sum_net_dev(std::string_view text,
                                       std::function<bool(std::string_view)> const& wanted);
// The same over all but the loopback.
std::optional<NetCounters> sum_net_dev(std::string_view text);

struct TcpFigures {                          // each absent where the kernel does not tell
  std::optional<std::int64_t> inuse;         // sockstat: TCP sockets in use
  std::optional<std::int64_t> time_wait;     // sockstat: in TIME_WAIT
  std::optional<std::int64_t> retransmits;   // snmp: segments sent again
  std::optional<std::int64_t> listen_drops;  // netstat: connections dropped by a full backlog
};

// Each takes the text of the file named; the others' figures stay as they are. Not net/tcp: that
// walks the hash table of the whole host (0.5 ms even when empty).
void scan_sockstat(std::string_view text, TcpFigures& into);
void scan_snmp(std::string_view text, TcpFigures& into);
void scan_netstat(std::string_view text, TcpFigures& into);

}  // namespace dadvisor::agent
