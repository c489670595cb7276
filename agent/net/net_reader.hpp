#pragma once
// Network figures of one container: those of the network namespace that its process is in.
//
// What is kept is the directory /proc/PID, never a file in net/: an open net/dev pins the dead
// namespace and goes on giving figures. The directory belongs to the process, not to the number:
// once that process has ended, opening below it fails, even if the number is in use again.
//
// Where all interfaces of the namespace are veths whose other ends are here, those ends tell bytes
// and packets without a file being opened (HostLinks). Whether they do is settled each time that
// the file is read: it must name as many interfaces, and show no less than the ends did just
// before; what the ends show later must be no less than that. Errors and drops are not mirrored:
// they stand as the file last showed them, and it is read again as soon as those of the ends move,
// at the slow pace at the latest. So is an interface noticed that was made inside the namespace.
// Not thread-safe; the sampler's thread owns it.

#include <cstdint>
#include <optional>
#include <string>

#include "agent/host/kernel_file.hpp"
#include "agent/host/net_dev.hpp"
#include "agent/net/host_links.hpp"
#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

struct NetReading {
  NetCounters counters;  // all interfaces but the loopback; all 0 where that is the only one
  // Tells network namespaces apart: inode of net/dev, of which each namespace has its own. Unlike
  // that of /proc/PID/ns/net it needs no privilege.
  std::uint64_t name_space = 0;
  TcpFigures tcp;           // at the slow pace, else absent
  bool from_links = false;  // told by the host's ends; no file was opened
};

class NetReader {
 public:
  // Of process `pid`. `belongs` must stand in its /proc/PID/cgroup (the container's id or its
  // cgroup path), for numbers are used again. Errors: gone; conflict when it is another's by now.
  static Result<NetReader> open(std::string const& proc_root, std::int64_t pid,
                                std::string const& belongs, ReadBuffer& buffer);

  // `links`: as this tick read them; nullptr where there are none. Of a process in the namespace
  // `not_of`, the host's, it is told that it is there and nothing else. Errors: gone once the
  // process has ended; malformed.
  Result<NetReading> read(bool slow, ReadBuffer& buffer, HostLinks* links = nullptr,
                          std::uint64_t not_of = 0);

 private:
  // How the host's ends and the namespace's file stood to each other when both were read.
  struct Mirror {
    HostLinks::Ends ends;
    NetCounters in_file;
    NetCounters of_ends;
    std::uint64_t name_space = 0;
  };

  NetReader(Fd process, std::int64_t pid) : process_(std::move(process)), pid_(pid) {}
  std::optional<NetReading> read_ends(HostLinks const& links);
  Result<std::int64_t> read_file(NetReading& reading, ReadBuffer& buffer,
                                 std::uint64_t not_of) const;
  void compare(HostLinks::Ends const& ends, std::int64_t interfaces, NetReading const& reading,
               HostLinks const& links);

  Fd process_;  // the directory /proc/PID
  std::int64_t pid_;
  std::optional<Mirror> mirror_;
  std::uint64_t compared_ = 0;  // the map of links that did not fit: it will not before another
  std::uint64_t refuted_ = 0;   // the version of ends that showed other counters than the file
};

// The namespace of process 1, the host's; 0 when it cannot be told.
std::uint64_t host_name_space(std::string const& proc_root);

}  // namespace dadvisor::agent
