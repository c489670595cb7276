#include "agent/resolver/sandbox.hpp"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

namespace dadvisor::agent {

namespace {

// Of any arguments. What glibc and the loop use of them differs by version and machine: a name that
// this machine does not have is passed over.
constexpr char const* harmless[] = {
    // Memory, without what makes it executable.
    "brk", "munmap", "mremap", "madvise", "membarrier",
    // Descriptors that are open.
    "read", "readv", "pread64", "write", "writev", "lseek", "_llseek", "close", "dup", "dup2",
    "dup3", "fcntl", "fcntl64", "fstat", "fstat64", "ppoll", "poll", "select", "pselect6",
    "getdents64",
    // What a file is, without opening it.
    "access", "faccessat", "faccessat2", "stat", "stat64", "lstat", "lstat64", "newfstatat",
    "fstatat64", "statx", "readlink", "readlinkat", "getcwd",
    // Sockets; which kinds there can be is socket()'s.
    "connect", "accept", "accept4", "shutdown", "getsockopt", "getsockname", "getpeername", "send",
    "sendto", "sendmsg", "recv", "recvfrom", "recvmsg",
    // The loop.
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_settime64", "pipe2",
    // Time, chance, waiting.
    "clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time", "nanosleep",
    "clock_nanosleep", "clock_nanosleep_time64", "getrandom", "futex", "futex_time64",
    "sched_yield", "sched_getaffinity", "restart_syscall",
    // Signals, and its own end.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "exit",
    "exit_group", "rseq", "set_robust_list", "gettid", "getpid", "getuid", "getuid32", "geteuid",
    "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "uname", "sysinfo", "getrusage"};

struct Allowed {
  char const* call;
  scmp_arg_cmp argument;
};

constexpr scmp_datum_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;

}  // namespace

Result<void> confine() {
  // Neither its memory nor its descriptors are for others of its user.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return os_error(errno, "prctl(PR_SET_DUMPABLE)");
  std::unique_ptr<void, decltype(&seccomp_release)> const filter(
      seccomp_init(SCMP_ACT_ERRNO(EPERM)), seccomp_release);
  if (!filter) return Error{Errc::unsupported, 0, "seccomp_init"};
  auto const add = [&](char const* call, unsigned count, scmp_arg_cmp argument) -> Result<void> {
    int const number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) return {};
    // Negative: a call of other machines, which is part of another one here or not there.
    int const failure = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, number, count,
                                               count > 0 ? &argument : nullptr);
    if (failure == 0 || number < 0) return {};
    return os_error(-failure, std::string("seccomp: ") + call);
  };
  for (char const* call : harmless)
    if (auto const added = add(call, 0, {}); !added) return added;
  Allowed const some[] = {
      {"open", SCMP_A1(SCMP_CMP_MASKED_EQ, writing, 0)},
      {"openat", SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0)},
      {"socket", SCMP_A0(SCMP_CMP_EQ, AF_UNIX)},
      {"mmap", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
      {"mmap2", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
      {"mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
      {"setsockopt", SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET)},
      {"ioctl", SCMP_A1(SCMP_CMP_EQ, 0x5421)},  // FIONBIO, which Asio uses
      {"prlimit64", SCMP_A2(SCMP_CMP_EQ, 0)},   // ask, not set
      {"tgkill", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()))},  // abort()
  };
  for (auto const& one : some)
    if (auto const added = add(one.call, 1, one.argument); !added) return added;
  // By it no_new_privs is set too, and all threads that there are get the filter.
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  int failure = seccomp_load(filter.get());
  if (failure != 0) {
    seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 0);  // kernels before 3.17
    failure = seccomp_load(filter.get());
  }
  if (failure != 0)
    return Error{Errc::unsupported, -failure, "this kernel takes no filter of system calls"};
  return {};
}

}  // namespace dadvisor::agent
