#pragma once
// What this process and this thread used so far.

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fstream>

namespace dadvisor::aggregator {

inline double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto const seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}
inline double thread_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}
// Adds what a piece of work costs this thread.
template <typename Work>
auto timed(double& sum, Work const& work) {
  struct Timer {
    double& sum;
    double const before = thread_cpu_seconds();
    ~Timer() { sum += thread_cpu_seconds() - before; }
  } const timer{sum};
  return work();
}
inline double rss_mib() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

}  // namespace dadvisor::aggregator
