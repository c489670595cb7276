#include "agent/host/host_reader.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

namespace dadvisor::agent {

namespace {

namespace fs = std::filesystem;

KernelFile open_or_absent(std::string const& path, Records records = Records::one) {
  auto file = KernelFile::open(path, records);
  return file ? std::move(*file) : KernelFile();
}

std::string_view text_of(KernelFile& file, ReadBuffer& buffer) {
  auto const text = file.read(buffer);
  return text ? *text : std::string_view();
}

std::optional<double> scan_real(std::string_view word) {
  double value = 0;
  auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> scan_kib(std::string_view text, std::string_view key) {
  auto const value = scan_key(text, key);
  if (!value) return std::nullopt;
  return bounded_product(*value, 1024);
}

// The first words of a small file as numbers.
template <std::size_t N>
std::array<std::optional<std::int64_t>, N> scan_row(std::string_view text) {
  std::array<std::optional<std::int64_t>, N> row;
  for (auto& cell : row) cell = scan_integer(take_word(text));
  return row;
}

std::optional<FileSystemUse> file_system_use(std::vector<std::string> const& paths) {
  for (auto const& path : paths) {
    struct statvfs of {};
    if (::statvfs(path.c_str(), &of) != 0) continue;
    auto const block = static_cast<std::int64_t>(of.f_frsize);
    FileSystemUse use;
    use.total = static_cast<std::int64_t>(of.f_blocks) * block;
    use.used = static_cast<std::int64_t>(of.f_blocks - of.f_bfree) * block;
    use.inodes = static_cast<std::int64_t>(of.f_files);
    use.inodes_used = static_cast<std::int64_t>(of.f_files - of.f_ffree);
    return use;
  }
  return std::nullopt;
}

}  // namespace

HostReader::HostReader(HostOptions options)
    : options_(std::move(options)),
      devices_(options_.sys_root),
      stat_(open_or_absent(options_.proc_root + "/stat")),
      meminfo_(open_or_absent(options_.proc_root + "/meminfo")),
      loadavg_(open_or_absent(options_.proc_root + "/loadavg")),
      vmstat_(open_or_absent(options_.proc_root + "/vmstat", Records::many)),
      diskstats_(open_or_absent(options_.proc_root + "/diskstats", Records::many)),
      cpu_pressure_(open_or_absent(options_.proc_root + "/pressure/cpu")),
      memory_pressure_(open_or_absent(options_.proc_root + "/pressure/memory")),
      io_pressure_(open_or_absent(options_.proc_root + "/pressure/io")),
      statm_(open_or_absent(options_.proc_root + "/self/statm")),
      descriptors_(options_.proc_root) {
  // hidepid=2 hides process 1 from an ordinary user; the own namespace is then the next best.
  net_dev_ = options_.proc_root + "/1/net/dev";
  std::error_code ignored;
  if (!fs::exists(net_dev_, ignored)) net_dev_ = options_.proc_root + "/net/dev";
}

HostReading HostReader::read(bool slow, ReadBuffer& buffer, Links const& links) {
  HostReading reading;
  if (slow || device_refresh_due_) {
    device_refresh_due_ = false;
    devices_.refresh();
    find_physical_interfaces();
  }
  read_cpu(reading, buffer);
  read_memory(reading, buffer);
  read_disk(reading, buffer);
  read_net(reading, buffer, slow ? Links() : links);
  reading.cpu_pressure = scan_pressure(text_of(cpu_pressure_, buffer));
  reading.memory_pressure = scan_pressure(text_of(memory_pressure_, buffer));
  reading.io_pressure = scan_pressure(text_of(io_pressure_, buffer));
  if (slow) read_slow(slow_, buffer);
  reading.fs = slow_.fs;
  reading.conntrack = slow_.conntrack;
  reading.conntrack_max = slow_.conntrack_max;
  reading.fd_used = slow_.fd_used;
  reading.fd_max = slow_.fd_max;
  reading.tcp = slow_.tcp;
  if (!slow) reading.tcp.retransmits = reading.tcp.listen_drops = std::nullopt;
  read_self(reading, slow, buffer);
  return reading;
}

void HostReader::read_cpu(HostReading& into, ReadBuffer& buffer) {
  std::int64_t const tick_ns = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  std::string_view text = text_of(stat_, buffer);
  std::string_view line;
  std::int64_t cpus = 0;
  while (take_line(text, line)) {
    std::string_view const key = take_word(line);
    if (key == "cpu") {
      // user nice system idle iowait irq softirq steal (steal from 2.6.11 on)
      auto const ticks = scan_row<8>(line);
      if (!ticks[6]) continue;
      auto const ns = [&](std::size_t i) { return bounded_product(ticks[i].value_or(0), tick_ns); };
      CpuTimes cpu;
      cpu.user = bounded_sum(ns(0), ns(1));
      cpu.system = ns(2);
      // Both are known to fall back by a little on tickless kernels.
      cpu.idle = idle_.feed(ns(3));
      cpu.iowait = iowait_.feed(ns(4));
      cpu.irq = ns(5);
      cpu.softirq = ns(6);
      cpu.steal = ns(7);
      cpu.usage = bounded_sum(bounded_sum(cpu.user, cpu.system), bounded_sum(cpu.irq, cpu.softirq));
      into.cpu = cpu;
    } else if (key.starts_with("cpu")) {
      ++cpus;
    } else if (key == "ctxt") {
      into.context_switches = scan_integer(line);
    } else if (key == "processes") {
      into.forks = scan_integer(line);
    }
  }
  if (cpus > 0) into.cpu_count = cpus;
  text = text_of(loadavg_, buffer);
  into.load_1m = scan_real(take_word(text));
  into.load_5m = scan_real(take_word(text));
  into.load_15m = scan_real(take_word(text));
}

void HostReader::read_memory(HostReading& into, ReadBuffer& buffer) {
  std::string_view text = text_of(meminfo_, buffer);
  into.mem_total = scan_kib(text, "MemTotal");
  into.mem_available = scan_kib(text, "MemAvailable");  // from 3.14 on
  into.mem_dirty = scan_kib(text, "Dirty");
  into.mem_slab = scan_kib(text, "Slab");
  auto const cached = scan_kib(text, "Cached");
  auto const buffers = scan_kib(text, "Buffers");
  if (cached && buffers) into.mem_cache = bounded_sum(*cached, *buffers);
  if (into.mem_total && into.mem_available) {
    into.mem_used = bounded_difference(*into.mem_total, *into.mem_available);
  } else if (auto const free = scan_kib(text, "MemFree"); into.mem_total && free) {
    auto const reclaimable = scan_kib(text, "SReclaimable").value_or(0);
    into.mem_used = bounded_difference(bounded_difference(*into.mem_total, *free),
                                       bounded_sum(into.mem_cache.value_or(0), reclaimable));
  }
  into.swap_total = scan_kib(text, "SwapTotal");
  auto const swap_free = scan_kib(text, "SwapFree");
  if (into.swap_total && swap_free)
    into.swap_used = bounded_difference(*into.swap_total, *swap_free);

  text = text_of(vmstat_, buffer);
  into.oom_kills = scan_key(text, "oom_kill");  // from 4.13 on
  into.major_faults = scan_key(text, "pgmajfault");
}

void HostReader::read_disk(HostReading& into, ReadBuffer& buffer) {
  busy_.clear();
  into.disk = devices_.sum(text_of(diskstats_, buffer), &busy_);
  if (!into.disk) return;
  into.disk->read_bytes = disk_[0].feed(into.disk->read_bytes);
  into.disk->write_bytes = disk_[1].feed(into.disk->write_bytes);
  into.disk->reads = disk_[2].feed(into.disk->reads);
  into.disk->writes = disk_[3].feed(into.disk->writes);
  into.disk->io_time_ms = disk_[4].feed(into.disk->io_time_ms);
}

void HostReader::find_physical_interfaces() {
  physical_.clear();
  std::error_code ignored;
  for (auto const& entry : fs::directory_iterator(options_.sys_root + "/class/net", ignored))
    if (fs::exists(entry.path() / "device", ignored))
      physical_.push_back(entry.path().filename().string());
  std::ranges::sort(physical_);
  indexes_.clear();
  struct stat host {
  }, own{};
  if (::stat(net_dev_.c_str(), &host) != 0 ||
      ::stat((options_.proc_root + "/self/net/dev").c_str(), &own) != 0 ||
      host.st_ino != own.st_ino)
    return;
  for (auto const& name : physical_) {
    auto const text = read_file(options_.sys_root + "/class/net/" + name + "/ifindex", 64);
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    auto const index = scan_integer(take_word(rest));
    if (!index) return indexes_.clear();
    indexes_.push_back(static_cast<std::int32_t>(*index));
  }
}

void HostReader::read_net(HostReading& into, ReadBuffer& buffer, Links const& links) {
  if (links && !indexes_.empty()) into.net = links(indexes_);
  if (!into.net) {
    auto const text = read_once(net_dev_, buffer, Records::many);
    if (!text) return;
    // Bonds, bridges, VLANs and veths carry the same bytes again, so only hardware counts. Inside a
    // namespace or a container there is no hardware, and what is there is all there is.
    into.net =
        physical_.empty() ? sum_net_dev(*text) : sum_net_dev(*text, [&](std::string_view name) {
          return std::ranges::binary_search(physical_, name);
        });
  }
  if (!into.net) return;
  NetCounters& net = *into.net;
  std::int64_t* const figures[] = {&net.rx_bytes, &net.rx_packets, &net.rx_errors, &net.rx_drops,
                                   &net.tx_bytes, &net.tx_packets, &net.tx_errors, &net.tx_drops};
  for (std::size_t i = 0; i < std::size(figures); ++i) *figures[i] = net_[i].feed(*figures[i]);
}

void HostReader::read_slow(HostReading& into, ReadBuffer& buffer) {
  into.fs = file_system_use(options_.data_paths);
  auto const number = [&](std::string const& path) -> std::optional<std::int64_t> {
    auto const text = read_once(options_.proc_root + path, buffer);
    return text ? scan_integer(*text) : std::nullopt;
  };
  into.conntrack = number("/sys/net/netfilter/nf_conntrack_count");
  into.conntrack_max = number("/sys/net/netfilter/nf_conntrack_max");
  into.fd_used = into.fd_max = std::nullopt;
  if (auto const text = read_once(options_.proc_root + "/sys/fs/file-nr", buffer)) {
    auto const row = scan_row<3>(*text);  // allocated, free, most
    if (row[0] && row[1]) into.fd_used = bounded_difference(*row[0], *row[1]);
    into.fd_max = row[2];
  }
  into.tcp = TcpFigures();
  std::string const net = net_dev_.substr(0, net_dev_.size() - 3);
  if (auto const text = read_once(net + "sockstat", buffer)) scan_sockstat(*text, into.tcp);
  if (auto const text = read_once(net + "snmp", buffer)) scan_snmp(*text, into.tcp);
  if (auto const text = read_once(net + "netstat", buffer)) scan_netstat(*text, into.tcp);
}

void HostReader::read_self(HostReading& into, bool slow, ReadBuffer& buffer) {
  timespec used{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
    into.agent_cpu_ns = std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
  if (auto const pages = scan_row<2>(text_of(statm_, buffer))[1])
    into.agent_rss = bounded_product(*pages, ::sysconf(_SC_PAGESIZE));
  if (slow) {
    // What could not be counted now was counted before.
    if (auto const open = descriptors_.of("self")) slow_.agent_fds = *open;
  }
  into.agent_fds = slow_.agent_fds;
}

}  // namespace dadvisor::agent
