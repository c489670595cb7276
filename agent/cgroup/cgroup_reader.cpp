#include "agent/cgroup/cgroup_reader.hpp"

namespace dadvisor::agent {

Result<CgroupReader> CgroupReader::open(Hierarchies const& hierarchies, std::string const& path) {
  auto directories = CgroupDirectories::open(hierarchies, path);
  if (!directories) return directories.error();
  CgroupReader reader;
  reader.directories_ = std::move(*directories);
  if (auto opened = reader.open_files(); !opened) return opened.error().within(path);
  return reader;
}

Result<void> CgroupReader::open_files() {
  auto const open = [this]<typename Files>(Files& into) -> Result<void> {
    auto files = Files::open(directories_);
    if (!files) return files.error();
    into = std::move(*files);
    return {};
  };
  if (auto opened = open(cpu_); !opened) return opened;
  if (auto opened = open(memory_); !opened) return opened;
  if (auto opened = open(io_); !opened) return opened;
  if (auto opened = open(pids_); !opened) return opened;
  return open(pressure_);
}

Result<CgroupReading> CgroupReader::read(HostFacts const& host, bool slow, ReadBuffer& buffer) {
  CgroupReading reading;
  auto done = read_files(host, slow, reading, buffer);
  if (done) return reading;
  // A controller that is switched off for a living v2 cgroup (systemd does that) takes its files
  // away with the very error that a removed cgroup gives. Then what is there is opened once more.
  if (!directories_.main().same()) return Error{Errc::gone, 0, done.error().context};
  if (auto opened = open_files(); !opened) return opened.error();
  reading = CgroupReading();
  done = read_files(host, slow, reading, buffer);
  if (!done) return Error{Errc::gone, 0, done.error().context};
  return reading;
}

std::optional<std::int64_t> CgroupReader::cpu_usage(ReadBuffer& buffer) {
  CgroupReading reading;
  (void)cpu_.read(reading, buffer);
  return reading.cpu_usage;
}

CgroupReading CgroupReader::read_last(HostFacts const& host, ReadBuffer& buffer) {
  CgroupReading last;
  bool const there = cpu_.read(last, buffer) && memory_.read(host, last, buffer) &&
                     io_.read(host, last, buffer) && pids_.read(last, buffer) &&
                     pressure_.read(last, buffer);
  if (there) (void)memory_.read_slow(directories_, last, buffer);
  return last;
}

Result<void> CgroupReader::read_files(HostFacts const& host, bool slow, CgroupReading& into,
                                      ReadBuffer& buffer) {
  if (slow) {
    slow_ = CgroupReading();
    if (auto done = cpu_.read_slow(directories_, host, slow_, buffer); !done) return done;
    if (auto done = memory_.read_slow(directories_, slow_, buffer); !done) return done;
    if (auto done = pids_.read_slow(directories_, slow_, buffer); !done) return done;
  }
  into = slow_;
  if (auto done = cpu_.read(into, buffer); !done) return done;
  if (auto done = memory_.read(host, into, buffer); !done) return done;
  if (auto done = io_.read(host, into, buffer); !done) return done;
  if (auto done = pids_.read(into, buffer); !done) return done;
  return pressure_.read(into, buffer);
}

}  // namespace dadvisor::agent
