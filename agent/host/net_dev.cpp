#include "agent/host/net_dev.hpp"

#include "agent/host/scan.hpp"

namespace dadvisor::agent {

namespace {

// snmp and netstat: a line "Prefix: Name Name ..." and below it "Prefix: 1 2 ...".
std::optional<std::int64_t> scan_table(std::string_view text, std::string_view prefix,
                                       std::string_view name) {
  std::string_view names, values;
  while (take_line(text, names)) {
    if (!names.starts_with(prefix)) continue;
    if (!take_line(text, values) || !values.starts_with(prefix)) return std::nullopt;
    for (;;) {
      std::string_view const word = take_word(names);
      std::string_view const value = take_word(values);
      if (word.empty() || value.empty()) return std::nullopt;
      if (word == name) return scan_integer(value);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<NetCounters> sum_net_dev(std::string_view text,
                                       std::function<bool(std::string_view)> const& wanted) {
  std::string_view line;
  if (!take_line(text, line) || !line.starts_with("Inter-|") || !take_line(text, line))
    return std::nullopt;
  NetCounters sum;
  while (take_line(text, line)) {
    std::size_t const colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view name = line.substr(0, colon);
    skip_blanks(name);
    line.remove_prefix(colon + 1);
    // rx: bytes packets errs drop fifo frame compressed multicast; tx: bytes packets errs drop
    std::int64_t columns[12];
    for (auto& column : columns) {
      auto const value = scan_integer(take_word(line));
      if (!value) return std::nullopt;
      column = *value;
    }
    if (!wanted(name)) continue;
    sum.rx_bytes = bounded_sum(sum.rx_bytes, columns[0]);
    sum.rx_packets = bounded_sum(sum.rx_packets, columns[1]);
    sum.rx_errors = bounded_sum(sum.rx_errors, columns[2]);
    sum.rx_drops = bounded_sum(sum.rx_drops, columns[3]);
    sum.tx_bytes = bounded_sum(sum.tx_bytes, columns[8]);
    sum.tx_packets = bounded_sum(sum.tx_packets, columns[9]);
    sum.tx_errors = bounded_sum(sum.tx_errors, columns[10]);
    sum.tx_drops = bounded_sum(sum.tx_drops, columns[11]);
  }
  return sum;
}

std::optional<NetCounters> sum_net_dev(std::string_view text) {
  return sum_net_dev(text, [](std::string_view name) { return name != "lo"; });
}

void scan_sockstat(std::string_view text, TcpFigures& into) {
  std::string_view line;
  while (take_line(text, line)) {
    if (take_word(line) != "TCP:") continue;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      auto const value = scan_integer(take_word(line));
      if (word == "inuse") into.inuse = value;
      if (word == "tw") into.time_wait = value;
    }
  }
}

void scan_snmp(std::string_view text, TcpFigures& into) {
  into.retransmits = scan_table(text, "Tcp:", "RetransSegs");
}

void scan_netstat(std::string_view text, TcpFigures& into) {
  into.listen_drops = scan_table(text, "TcpExt:", "ListenDrops");
}

}  // namespace dadvisor::agent
