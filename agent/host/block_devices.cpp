#include "agent/host/block_devices.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "agent/host/scan.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t sector_bytes = 512;  // diskstats counts in these on every device

std::optional<DeviceNumber> number_of(std::string_view major_word, std::string_view minor_word) {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  auto const major = scan_integer(major_word), minor = scan_integer(minor_word);
  if (!major || !minor || *major < 0 || *minor < 0 || *major > most || *minor > most)
    return std::nullopt;
  return DeviceNumber{static_cast<std::uint32_t>(*major), static_cast<std::uint32_t>(*minor)};
}

std::optional<DeviceNumber> device_of(fs::path const& directory) {
  auto text = read_file((directory / "dev").string(), 64);
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  return scan_device(take_word(rest));
}

}  // namespace

std::optional<DeviceNumber> scan_device(std::string_view word) {
  std::size_t const colon = word.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return number_of(word.substr(0, colon), word.substr(colon + 1));
}

void BlockDevices::refresh() {
  std::error_code ignored;
  for (auto const& entry : fs::directory_iterator(sys_root_ + "/block", ignored)) {
    auto const number = device_of(entry.path());
    if (!number) continue;
    std::string const name = entry.path().filename().string();
    Device device;
    if (name.starts_with("ram") || name.starts_with("zram")) {
      device.kind = Kind::memory;
    } else if (name.starts_with("loop")) {
      device.kind = Kind::loop;
      auto const dio = read_file((entry.path() / "loop/dio").string(), 64);
      device.direct_io = dio && dio->starts_with("1");
      device.attached = dio.has_value();
    }
    for (auto const& slave : fs::directory_iterator(entry.path() / "slaves", ignored))
      if (auto const beneath = device_of(slave.path())) device.beneath.push_back(*beneath);
    if (!device.beneath.empty()) device.kind = Kind::stacked;
    devices_[*number] = std::move(device);
  }
}

bool BlockDevices::physical(DeviceNumber device) const {
  auto const found = devices_.find(device);
  return found != devices_.end() && found->second.kind == Kind::disk;
}

bool BlockDevices::tells_itself(DeviceNumber device) const {
  auto const found = devices_.find(device);
  return found != devices_.end() && found->second.kind == Kind::loop && found->second.attached &&
         !found->second.direct_io;
}

bool BlockDevices::counted(DeviceNumber device, std::span<DeviceNumber const> seen,
                           bool unified) const {
  auto const found = devices_.find(device);
  if (found == devices_.end()) return false;
  Device const& of = found->second;
  switch (of.kind) {
    case Kind::disk:
      return true;
    case Kind::memory:
      return false;
    case Kind::stacked:
      return std::ranges::none_of(
          of.beneath, [&](DeviceNumber low) { return std::ranges::find(seen, low) != seen.end(); });
    case Kind::loop:
      return !(unified || of.direct_io) ||
             std::ranges::none_of(seen, [&](DeviceNumber low) { return physical(low); });
  }
  return false;
}

std::optional<DiskTotals> BlockDevices::sum(std::string_view diskstats,
                                            std::vector<DeviceNumber>* busy) const {
  std::optional<DiskTotals> totals;
  std::string_view line;
  while (take_line(diskstats, line)) {
    auto const major = take_word(line);
    auto const device = number_of(major, take_word(line));
    if (!device) continue;
    bool const counts = physical(*device);
    if (!counts && !(busy && tells_itself(*device))) continue;
    take_word(line);  // the name
    // reads, merged, sectors, ms; writes, merged, sectors, ms; in flight, ms busy
    std::int64_t columns[10] = {};
    bool whole = true;
    for (auto& column : columns) {
      auto const value = scan_integer(take_word(line));
      whole = whole && value;
      column = value.value_or(0);
    }
    if (!whole) continue;
    if (busy && (columns[0] > 0 || columns[4] > 0)) busy->push_back(*device);
    if (!counts) continue;
    if (!totals) totals.emplace();
    totals->reads = bounded_sum(totals->reads, columns[0]);
    totals->read_bytes = bounded_sum(totals->read_bytes, bounded_product(columns[2], sector_bytes));
    totals->writes = bounded_sum(totals->writes, columns[4]);
    totals->write_bytes =
        bounded_sum(totals->write_bytes, bounded_product(columns[6], sector_bytes));
    totals->io_time_ms = bounded_sum(totals->io_time_ms, columns[9]);
  }
  return totals;
}

}  // namespace dadvisor::agent
