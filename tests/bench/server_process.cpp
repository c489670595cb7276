#include "tests/bench/server_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "common/core/fd.hpp"

namespace dadvisor::bench {
namespace {

std::vector<char*> pointers(std::vector<std::string> const& words) {
  std::vector<char*> all;
  for (auto const& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

double kib_of(std::string const& status, std::string const& key) {
  auto const at = status.find("\n" + key + ":");
  return at == status.npos ? 0 : std::stod(status.substr(at + key.size() + 2));
}

}  // namespace

ServerProcess::ServerProcess(std::vector<std::string> const& command,
                             std::vector<std::string> const& environment, std::string const& log)
    : ours_(true) {
  std::vector<std::string> all(environment);
  for (char** variable = environ; *variable != nullptr; ++variable) all.emplace_back(*variable);
  auto const arguments = pointers(command);
  auto const variables = pointers(all);
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int const out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::execve(arguments[0], arguments.data(), variables.data());
  ::_exit(127);
}

ServerProcess::~ServerProcess() {
  if (ours_) stop(SIGTERM);
}

Usage ServerProcess::usage() const {
  auto const root = fmt::format("/proc/{}/", pid_);
  auto const stat = read_file(root + "stat", 4096);
  auto const status = read_file(root + "status", 1 << 16);
  if (!stat || !status || kib_of(*status, "VmRSS") == 0)
    throw std::runtime_error(fmt::format("the server, process {}, has gone", pid_));
  // Fields 14 and 15, counted behind the name in parentheses (proc(5)).
  std::istringstream fields(stat->substr(stat->rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return {(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK)), kib_of(*status, "VmRSS"),
          kib_of(*status, "VmHWM")};
}

bool ServerProcess::stop(int signal) {
  if (!ours_ || pid_ == 0) return true;
  ::kill(pid_, signal);
  bool in_time = true;
  for (int waited = 0; ::waitpid(pid_, nullptr, WNOHANG) == 0; ++waited) {
    if (waited == 2000) {
      in_time = false;
      ::kill(pid_, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  pid_ = 0;
  return in_time;
}

std::map<std::string, std::uint64_t> bytes_by_kind(std::string const& directory,
                                                   std::string (*kind)(std::string const& path)) {
  namespace fs = std::filesystem;
  std::map<std::string, std::uint64_t> bytes;
  std::error_code gone;
  for (auto const& entry : fs::recursive_directory_iterator(directory, gone)) {
    if (!entry.is_regular_file(gone)) continue;
    auto const size = entry.file_size(gone);
    if (!gone) bytes[kind(fs::relative(entry.path(), directory).string())] += size;
  }
  return bytes;
}

double own_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto const seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::uint16_t free_port() {
  Fd const socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, size) != 0 || ::getsockname(socket.get(), generic, &size) != 0)
    throw std::system_error(errno, std::generic_category(), "a port");
  return ntohs(address.sin_port);
}

}  // namespace dadvisor::bench
