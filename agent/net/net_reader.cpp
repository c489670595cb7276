#include "agent/net/net_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace dadvisor::agent {

namespace {

// A file below a process's directory. The process having ended shows as "no such file" or "no such
// process", by turns.
Result<std::string_view> read_below(Fd const& process, char const* name, ReadBuffer& buffer,
                                    Records records, std::uint64_t* inode = nullptr) {
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
  }
  return read_from_start(*fd, buffer, records);
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
  return NetReader(std::move(*directory));
}

Result<NetReading> NetReader::read(bool slow, ReadBuffer& buffer) const {
  NetReading reading;
  auto const text = read_below(process_, "net/dev", buffer, Records::many, &reading.name_space);
  if (!text) return text.error();
  auto const counters = sum_net_dev(*text);
  if (!counters) return Error{Errc::malformed, 0, "net/dev"};
  reading.counters = *counters;
  if (!slow) return reading;
  if (auto const table = read_below(process_, "net/sockstat", buffer, Records::one))
    scan_sockstat(*table, reading.tcp);
  if (auto const table = read_below(process_, "net/snmp", buffer, Records::one))
    scan_snmp(*table, reading.tcp);
  if (auto const table = read_below(process_, "net/netstat", buffer, Records::one))
    scan_netstat(*table, reading.tcp);
  return reading;
}

std::uint64_t host_name_space(std::string const& proc_root) {
  struct stat of {};
  if (::stat((proc_root + "/1/net/dev").c_str(), &of) != 0) return 0;
  return static_cast<std::uint64_t>(of.st_ino);
}

}  // namespace dadvisor::agent
