#include "agent/net/net_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace dadvisor::agent {

namespace {

// A file below a process's directory. The process having ended shows as "no such file" or "no such
// process", by turns.
Result<std::string_view> read_below(Fd const& process, char const* name, ReadBuffer& buffer,
                                    Records records, std::uint64_t* inode = nullptr,
                                    std::uint64_t not_of = 0) {
  auto const fd = open_at(process, name, O_RDONLY);
  if (!fd) {
    Error error = fd.error();
    if (error.code == Errc::not_found) error.code = Errc::gone;
    return error;
  }
  if (inode) {
    struct stat of {};
    if (::fstat(fd->get(), &of) != 0) return os_error(errno, name);
    *inode = static_cast<std::uint64_t>(of.st_ino);
    if (*inode == not_of) return std::string_view();
  }
  return read_from_start(*fd, buffer, records);
}

// Of what both sides of a link count alike.
bool no_less(NetCounters const& now, NetCounters const& before) {
  return now.rx_bytes >= before.rx_bytes && now.rx_packets >= before.rx_packets &&
         now.tx_bytes >= before.tx_bytes && now.tx_packets >= before.tx_packets;
}

// Moves when something was lost on the way in or out.
std::int64_t lost(NetCounters const& of) {
  return of.rx_errors + of.rx_drops + of.tx_errors + of.tx_drops;
}

}  // namespace

Result<NetReader> NetReader::open(std::string const& proc_root, std::int64_t pid,
                                  std::string const& belongs, ReadBuffer& buffer) {
  std::string const path = proc_root + "/" + std::to_string(pid);
  auto directory = open_file(path, O_PATH | O_DIRECTORY);
  if (!directory) {
    Error error = directory.error();
    if (error.code == Errc::not_found) error.code = Errc::gone;
    return error;
  }
  auto const cgroup = read_below(*directory, "cgroup", buffer, Records::one);
  if (!cgroup) return cgroup.error().within(path);
  if (cgroup->find(belongs) == std::string_view::npos)
    return Error{Errc::conflict, 0, path + ": is no process of " + belongs};
  return NetReader(std::move(*directory), pid);
}

Result<NetReading> NetReader::read(bool slow, ReadBuffer& buffer, HostLinks* links,
                                   std::uint64_t not_of) {
  if (links && mirror_ && !slow)
    if (auto reading = read_ends(*links)) return *reading;
  // Before the file: that it can still be read shows whose number that was.
  bool const compares = links && (slow || links->version() != compared_);
  auto const ends = compares ? links->ends_of(pid_) : std::nullopt;
  mirror_.reset();
  NetReading reading;
  auto const interfaces = read_file(reading, buffer, not_of);
  if (!interfaces) return interfaces.error();
  bool const strange = not_of != 0 && reading.name_space == not_of;
  if (ends && !strange) compare(*ends, *interfaces, reading, *links);
  if (compares) compared_ = mirror_ ? 0 : links->version();
  if (strange) return reading;
  if (!slow) return reading;
  if (auto const table = read_below(process_, "net/sockstat", buffer, Records::one))
    scan_sockstat(*table, reading.tcp);
  if (auto const table = read_below(process_, "net/snmp", buffer, Records::one))
    scan_snmp(*table, reading.tcp);
  if (auto const table = read_below(process_, "net/netstat", buffer, Records::one))
    scan_netstat(*table, reading.tcp);
  return reading;
}

std::optional<NetReading> NetReader::read_ends(HostLinks const& links) {
  auto const ends = links.counters(mirror_->ends);
  if (!ends) return std::nullopt;
  if (!no_less(*ends, mirror_->in_file)) {
    refuted_ = mirror_->ends.version;
    return std::nullopt;
  }
  if (lost(*ends) != lost(mirror_->of_ends)) return std::nullopt;
  NetReading reading;
  reading.counters = mirror_->in_file;
  reading.counters.rx_bytes = ends->rx_bytes;
  reading.counters.rx_packets = ends->rx_packets;
  reading.counters.tx_bytes = ends->tx_bytes;
  reading.counters.tx_packets = ends->tx_packets;
  reading.name_space = mirror_->name_space;
  reading.from_links = true;
  return reading;
}

// How many interfaces the file names, the loopback left out.
Result<std::int64_t> NetReader::read_file(NetReading& reading, ReadBuffer& buffer,
                                          std::uint64_t not_of) const {
  auto const text =
      read_below(process_, "net/dev", buffer, Records::many, &reading.name_space, not_of);
  if (!text) return text.error();
  if (not_of != 0 && reading.name_space == not_of) return 0;
  std::int64_t interfaces = 0;
  auto const counters = sum_net_dev(*text, [&](std::string_view name) {
    bool const counts = name != "lo";
    interfaces += counts ? 1 : 0;
    return counts;
  });
  if (!counters) return Error{Errc::malformed, 0, "net/dev"};
  reading.counters = *counters;
  return interfaces;
}

void NetReader::compare(HostLinks::Ends const& ends, std::int64_t interfaces,
                        NetReading const& reading, HostLinks const& links) {
  if (ends.version == refuted_ || interfaces != static_cast<std::int64_t>(ends.count)) return;
  auto const before = links.counters(ends);
  if (!before || !no_less(reading.counters, *before)) return;
  mirror_ = Mirror{ends, reading.counters, *before, reading.name_space};
}

std::uint64_t host_name_space(std::string const& proc_root) {
  struct stat of {};
  if (::stat((proc_root + "/1/net/dev").c_str(), &of) != 0) return 0;
  return static_cast<std::uint64_t>(of.st_ino);
}

}  // namespace dadvisor::agent
