#include "agent/cgroup/io_files.hpp"

#include <algorithm>

namespace dadvisor::agent {

namespace {

DeviceIo& line_of(std::vector<DeviceIo>& all, DeviceNumber device) {
  if (!all.empty() && all.back().device == device) return all.back();
  auto const found = std::ranges::find(all, device, &DeviceIo::device);
  if (found != all.end()) return *found;
  return all.emplace_back(DeviceIo{device, 0, 0});
}

}  // namespace

void scan_blkio(std::string_view text, std::vector<DeviceIo>& into) {
  into.clear();
  std::string_view line;
  while (take_line(text, line)) {
    auto const device = scan_device(take_word(line));
    if (!device) continue;  // the closing "Total N"
    std::string_view const operation = take_word(line);
    bool const read = operation == "Read";
    if (!read && operation != "Write") continue;
    auto const value = scan_integer(line);
    if (!value) continue;
    auto& sums = line_of(into, *device);
    auto& into_sum = read ? sums.read : sums.write;
    into_sum = bounded_sum(into_sum, *value);
  }
}

void scan_io_stat(std::string_view text, std::string_view read_key, std::string_view write_key,
                  std::vector<DeviceIo>& into) {
  into.clear();
  std::string_view line;
  while (take_line(text, line)) {
    auto const device = scan_device(take_word(line));
    if (!device) continue;
    auto& sums = line_of(into, *device);
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      if (word.starts_with(read_key))
        sums.read = bounded_sum(sums.read, scan_integer(word.substr(read_key.size())).value_or(0));
      else if (word.starts_with(write_key))
        sums.write =
            bounded_sum(sums.write, scan_integer(word.substr(write_key.size())).value_or(0));
    }
  }
}

Result<IoFiles> IoFiles::open(CgroupDirectories const& directories) {
  IoFiles files;
  auto const* directory = directories.of("blkio");
  if (!directory) return files;
  files.unified_ = directory->unified;
  auto const keep = [&](KernelFile& into,
                        std::initializer_list<char const*> names) -> Result<void> {
    for (char const* name : names) {
      auto file = directory->file(name);
      if (!file) return file.error();
      into = std::move(*file);
      if (into) break;
    }
    return {};
  };
  if (files.unified_) {
    if (auto kept = keep(files.bytes_, {"io.stat"}); !kept) return kept.error();
    return files;
  }
  if (auto kept = keep(files.bytes_, {"blkio.throttle.io_service_bytes_recursive",
                                      "blkio.throttle.io_service_bytes"});
      !kept)
    return kept.error();
  if (auto kept = keep(files.operations_,
                       {"blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"});
      !kept)
    return kept.error();
  return files;
}

std::optional<DeviceIo> IoFiles::sum(HostFacts const& host, CgroupReading& into) {
  seen_.clear();
  for (auto const& line : scratch_) seen_.push_back(line.device);
  std::optional<DeviceIo> sums;
  for (auto const& line : scratch_) {
    if (host.devices) {
      if (!host.devices->known(line.device)) into.io_new_device = true;
      if (!host.devices->counted(line.device, seen_, unified_)) continue;
    }
    if (!sums) sums.emplace();
    sums->read = bounded_sum(sums->read, line.read);
    sums->write = bounded_sum(sums->write, line.write);
  }
  return sums;
}

Result<void> IoFiles::read(HostFacts const& host, CgroupReading& into, ReadBuffer& buffer) {
  if (!bytes_) return {};
  auto text = bytes_.read(buffer);
  if (!text) return text.error();
  if (!bytes_) return {};  // it could not be read for another reason
  if (unified_)
    scan_io_stat(*text, "rbytes=", "wbytes=", scratch_);
  else
    scan_blkio(*text, scratch_);
  auto bytes = sum(host, into);
  if (!bytes && !unified_ && !host.io_accounted) {
    into.io_unaccounted = true;
    return {};
  }
  if (!bytes) bytes.emplace();
  into.io_read_bytes = read_bytes_.feed(bytes->read);
  into.io_write_bytes = write_bytes_.feed(bytes->write);

  if (unified_) {
    scan_io_stat(*text, "rios=", "wios=", scratch_);
  } else {
    if (!operations_) return {};
    text = operations_.read(buffer);
    if (!text) return text.error();
    scan_blkio(*text, scratch_);
  }
  auto const operations = sum(host, into).value_or(DeviceIo{});
  into.io_reads = reads_.feed(operations.read);
  into.io_writes = writes_.feed(operations.write);
  return {};
}

}  // namespace dadvisor::agent
