// What reading alone costs: the files named on stdin are read once per tick, with nothing parsed,
// so that the agent's CPU can be compared with the least that any agent must spend.
//   pread_floor TICKS STEP_MS    stdin: a line "keep PATH" (opened once, pread each tick), "open
//                                PATH" (opened, read and closed each tick), or "slow PATH" (the
//                                same once a minute, or where that is rarer each tick)
// Prints "files=N ticks=N cpu_seconds=S rss_kib=N" of the ticks alone.

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto const seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of /proc/self/status; ru_maxrss would be that of whoever started this program.
long rss_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: pread_floor TICKS STEP_MS <LIST\n");
    return 2;
  }
  int const ticks = std::atoi(argv[1]);
  long const step_ms = std::atol(argv[2]);
  std::vector<int> kept;
  std::vector<std::string> reopened, slow;
  for (std::string line; std::getline(std::cin, line);) {
    std::string const path = line.substr(line.find(' ') + 1);
    if (line.starts_with("keep ")) {
      int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) {
        std::perror(path.c_str());
        return 1;
      }
      kept.push_back(fd);
    } else {
      (line.starts_with("slow ") ? slow : reopened).push_back(path);
    }
  }

  std::array<char, 16384> buffer;
  double const before = cpu_seconds();
  timespec next{};
  ::clock_gettime(CLOCK_MONOTONIC, &next);
  auto const read_anew = [&](std::vector<std::string> const& paths) {
    for (auto const& path : paths) {
      int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      if (::read(fd, buffer.data(), buffer.size()) < 0) std::perror(path.c_str());
      ::close(fd);
    }
  };
  long const minute = std::max(1L, 60'000L / step_ms);
  for (int tick = 0; tick < ticks; ++tick) {
    for (int const fd : kept)
      if (::pread(fd, buffer.data(), buffer.size(), 0) < 0) std::perror("pread");
    read_anew(reopened);
    if (tick % minute == 0) read_anew(slow);
    next.tv_nsec += step_ms * 1'000'000L;
    next.tv_sec += next.tv_nsec / 1'000'000'000L;
    next.tv_nsec %= 1'000'000'000L;
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
  }
  std::printf("files=%zu ticks=%d cpu_seconds=%.6f rss_kib=%ld\n",
              kept.size() + slow.size() + reopened.size(), ticks, cpu_seconds() - before,
              rss_kib());
}
