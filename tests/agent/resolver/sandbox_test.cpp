#include "agent/resolver/sandbox.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

using namespace dadvisor;
using namespace dadvisor::agent;

// Sanitizers' own system calls are not those of the program.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

// What a process of its own, confined, makes of it: its exit status, which is the errno that `act`
// gives; -1 where it ended otherwise.
int confined(std::function<int()> const& act) {
  auto const child = ::fork();
  if (child == 0) {
    if (!confine()) ::_exit(255);
    ::_exit(act());
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

int number_of(bool worked) { return worked ? 0 : errno; }

}  // namespace

TEST_CASE("a confined process has unix sockets and no others") {
  for (int const family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET}) {
    INFO(family);
    CHECK(confined([&] { return number_of(::socket(family, SOCK_STREAM, 0) >= 0); }) == EPERM);
  }
  CHECK(confined([] { return number_of(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0); }) ==
        0);
}

TEST_CASE("a confined process reads files and writes none") {
  CHECK(confined([] { return number_of(::open("/proc/self/stat", O_RDONLY) >= 0); }) == 0);
  for (int const flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC}) {
    INFO(flags);
    CHECK(confined([&] { return number_of(::open("/dev/null", flags, 0600) >= 0); }) == EPERM);
  }
  CHECK(confined([] { return number_of(::unlink("/nowhere/x") == 0); }) == EPERM);
  CHECK(confined([] { return number_of(::chmod("/nowhere/x", 0) == 0); }) == EPERM);
}

TEST_CASE("a confined process starts none, reaches into none and makes no memory executable") {
  CHECK(confined([] {
          ::execl("/bin/true", "true", nullptr);
          return errno;
        }) == EPERM);
  CHECK(confined([] { return number_of(::fork() >= 0); }) == EPERM);
  CHECK(confined([] { return number_of(::kill(::getppid(), 0) == 0); }) == EPERM);
  CHECK(confined([] {
          void* const page =
              ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          return number_of(::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        }) == EPERM);
  CHECK(confined([] {
          return number_of(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        }) == EPERM);
}

TEST_CASE("a confined process can still die of a broken invariant") {
  auto const child = ::fork();
  if (child == 0) {
    if (!confine()) ::_exit(255);
    std::signal(SIGABRT, SIG_DFL);  // not Catch's
    std::abort();
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

#endif
