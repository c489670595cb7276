// The verb `bench`: what a tick costs on this host, whole and file by file.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <map>

#include "agent/agent.hpp"
#include "common/core/fd.hpp"

namespace dadvisor::agent {

namespace {

// Of this thread, ns.
std::int64_t cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

struct FileCost {
  std::string name;
  std::size_t files = 0;
  double us = 0;  // one pread of one of them
};

struct BenchReport {
  std::size_t containers = 0;
  double tick_us = 0;       // a tick as it mostly is
  double slow_tick_us = 0;  // one at which the slow figures are read too
  std::vector<FileCost> files;
};

// The kernel's files that this process has open now: cgroup files by the last part of their names.
// Reading what the sampler keeps open is as dear as its own reading.
std::map<std::string, std::vector<int>> kept_files() {
  std::map<std::string, std::vector<int>> found;
  std::error_code ignored;
  for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    auto const target = std::filesystem::read_symlink(entry.path(), ignored);
    int const fd = std::atoi(entry.path().filename().c_str());
    struct stat of {};
    bool const of_host = target.native().starts_with("/proc/");
    bool const kernels = of_host || target.native().find("/cgroup") != std::string::npos;
    if (!kernels || ::fstat(fd, &of) != 0 || !S_ISREG(of.st_mode)) continue;
    found[of_host ? target : target.filename()].push_back(fd);
  }
  return found;
}

// `read` reads each of the files once and says how many it could.
template <typename Read>
void measure(std::string const& name, std::size_t files, Read const& read,
             std::vector<FileCost>& costs) {
  constexpr std::int64_t patience = 20'000'000;  // ns
  std::size_t reads = 0;
  std::int64_t spent = 0;
  auto const before = cpu_ns();
  do {
    auto const done = read();
    if (done == 0) return;
    reads += done;
    spent = cpu_ns() - before;
  } while (spent < patience);
  costs.push_back({name, files, static_cast<double>(spent) * 1e-3 / static_cast<double>(reads)});
}

std::vector<FileCost> measure_files(std::string const& proc_root,
                                    std::vector<Container> const& containers) {
  std::vector<FileCost> costs;
  char buffer[16 << 10];
  for (auto const& [name, fds] : kept_files()) {
    auto const read = [&, &fds = fds] {
      return static_cast<std::size_t>(std::ranges::count_if(
          fds, [&](int fd) { return ::pread(fd, buffer, sizeof buffer, 0) >= 0; }));
    };
    measure(name, fds.size(), read, costs);
  }
  // Never kept open: it would hold a dead network.
  std::vector<std::string> networks;
  for (auto const& container : containers)
    if (container.running)
      networks.push_back(fmt::format("{}/{}/net/dev", proc_root, container.pid));
  auto const read = [&] {
    return static_cast<std::size_t>(std::ranges::count_if(networks, [&](auto const& path) {
      auto const file = open_file(path, O_RDONLY);
      return file && ::read(file->get(), buffer, sizeof buffer) >= 0;
    }));
  };
  measure("/proc/PID/net/dev, at the slow pace", networks.size(), read, costs);
  auto const in_all = [](FileCost const& one) { return one.us * static_cast<double>(one.files); };
  std::ranges::sort(costs, std::greater(), in_all);
  return costs;
}

std::string table_of(BenchReport const& report, Nanoseconds step) {
  auto const ticks = 60 / std::chrono::duration<double>(step).count();
  auto const minute = (report.tick_us * std::max(0.0, ticks - 1) + report.slow_tick_us) * 1e-6;
  std::string text = fmt::format(
      "{} container{}: a tick takes {:.0f} us of CPU, {:.0f} us with the slow figures, once a "
      "minute;\nat a step of {} that is {:.4f} s of CPU a minute, without the sending\n\n",
      report.containers, report.containers == 1 ? "" : "s", report.tick_us, report.slow_tick_us,
      config::duration_text(step), minute);
  std::size_t widest = 4;
  for (auto const& one : report.files) widest = std::max(widest, one.name.size());
  text += fmt::format("{:<{}}  {:>6}  {:>8}  {:>10}\n", "FILE", widest, "FILES", "US EACH",
                      "US TOGETHER");
  for (auto const& one : report.files)
    text += fmt::format("{:<{}}  {:>6}  {:>8.2f}  {:>10.1f}\n", one.name, widest, one.files, one.us,
                        one.us * static_cast<double>(one.files));
  return text;
}

std::string json_of(BenchReport const& report, Nanoseconds step) {
  boost::json::array files;
  for (auto const& one : report.files)
    files.push_back({{"file", one.name}, {"files", one.files}, {"us", one.us}});
  return boost::json::serialize(
             boost::json::object{{"containers", report.containers},
                                 {"step", std::chrono::duration<double>(step).count()},
                                 {"tick_us", report.tick_us},
                                 {"slow_tick_us", report.slow_tick_us},
                                 {"files", std::move(files)}}) +
         "\n";
}

}  // namespace

int print_bench(Settings const& settings, http::Loop& loop, Clock const& clock) {
  constexpr int ticks = 50;
  Log const quiet("agent", LogLevel::none);
  Sampler sampler(sampler_options(settings), clock, quiet);
  Runtimes runtimes(settings, loop, clock, quiet, nullptr);
  RuntimesSettled const settled(loop, clock, runtimes, [&] { loop.stop(); });
  loop.run();
  auto const containers = runtimes.snapshot();
  auto const state = runtimes.state();
  BenchReport report;
  std::vector<double> costs;
  // The first tick opens files, which the others find open.
  for (int i = -1; i < ticks; ++i) {
    if (i == 0)
      for (auto const& container : containers) sampler.refresh(container.id);
    auto const before = cpu_ns();
    auto const batch = sampler.sample(clock.wall(), containers, state);
    auto const us = static_cast<double>(cpu_ns() - before) * 1e-3;
    if (!batch) {
      std::fprintf(stderr, "dadvisor-agent: no reading: %s\n", to_string(batch.error()).c_str());
      return 1;
    }
    if (i == 0) report.slow_tick_us = us;
    if (i > 0) costs.push_back(us);
    report.containers = batch->rows.size() - 1;
  }
  std::ranges::sort(costs);
  report.tick_us = costs[costs.size() / 2];
  report.files = measure_files(settings.proc_root, containers);
  auto const text =
      settings.output == "json" ? json_of(report, settings.step) : table_of(report, settings.step);
  bool const written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace dadvisor::agent
