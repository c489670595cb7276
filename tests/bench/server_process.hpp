#pragma once
// A server that is measured: a child of this process, or one that runs already; what it uses by
// /proc, and what its files take. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dadvisor::bench {

struct Usage {
  double cpu_seconds = 0;  // user and system, of all its threads; in steps of 10 ms
  double rss_kib = 0;
  double peak_kib = 0;  // since its start
};

class ServerProcess {
 public:
  // Starts it with its output appended to `log`; it gets SIGKILL when this process dies. Throws
  // std::runtime_error.
  ServerProcess(std::vector<std::string> const& command,
                std::vector<std::string> const& environment, std::string const& log);
  // Measures the one of that pid; never ends it.
  explicit ServerProcess(pid_t pid) : pid_(pid) {}
  ~ServerProcess();
  ServerProcess(ServerProcess const&) = delete;
  ServerProcess& operator=(ServerProcess const&) = delete;

  pid_t pid() const { return pid_; }
  // Throws std::runtime_error when it is not there any more.
  Usage usage() const;
  // Ends it; false: not within 20 s, and then by SIGKILL.
  bool stop(int signal);

 private:
  pid_t pid_ = 0;
  bool ours_ = false;
};

// Bytes of all regular files below, each under what `kind` makes of its path relative to
// `directory`. Files that go meanwhile count nothing.
std::map<std::string, std::uint64_t> bytes_by_kind(std::string const& directory,
                                                   std::string (*kind)(std::string const& path));

// CPU-seconds of this process, all threads.
double own_cpu_seconds();
// A free TCP port of 127.0.0.1, as of now. Throws std::system_error.
std::uint16_t free_port();

}  // namespace dadvisor::bench
