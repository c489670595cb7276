// dadvisor-resolver: asks the container runtimes of this host in the agent's place. Everything is
// made here and handed down; exit codes: 0 ended by a signal, 1 it cannot go on, 2 usage or
// configuration.

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>

#include "agent/names/watchers.hpp"
#include "agent/resolver/resolver.hpp"
#include "agent/resolver/resolver_settings.hpp"
#include "agent/resolver/sandbox.hpp"

namespace {

using namespace dadvisor;

// The first descriptor that a service manager hands over (sd_listen_fds(3)); -1: none.
int handed_over() {
  char const* const pid = std::getenv("LISTEN_PID");
  char const* const count = std::getenv("LISTEN_FDS");
  if (!pid || !count || std::to_string(::getpid()) != pid || std::atoi(count) < 1) return -1;
  return 3;
}

// Where a listening unix socket is; "" where it has no path.
std::string path_of(int descriptor) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      address.sun_family != AF_UNIX)
    return "";
  return address.sun_path;
}

std::string dice() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

int run(agent::ResolverSettings const& settings, Log const& log) {
  SystemClock const clock;
  http::Loop loop;
  agent::ResolverOptions options;
  options.run = dice();
  options.server.listening = handed_over();
  options.server.socket_path = settings.resolver_socket;
  options.server.socket_mode = 0600;
  auto const path =
      options.server.listening >= 0 ? path_of(options.server.listening) : settings.resolver_socket;
  // root, this user, and whom the socket's file belongs to: the agent's user.
  options.server.admits = [&path, own = ::geteuid()](std::uint32_t uid) {
    struct stat file {};
    return uid == 0 || uid == own || (::stat(path.c_str(), &file) == 0 && file.st_uid == uid);
  };
  auto const watch = [&](auto on_update, auto on_change) {
    agent::WatchersOptions watchers;
    watchers.docker_socket = settings.docker_socket;
    watchers.containerd_socket = settings.containerd_socket;
    watchers.proc_root = settings.proc_root;
    watchers.on_update = std::move(on_update);
    watchers.on_change = std::move(on_change);
    return std::make_unique<agent::Watchers>(loop, clock, std::move(watchers), log);
  };
  agent::Resolver resolver(loop, clock, std::move(options), watch, log);
  loop.on_signal({SIGTERM, SIGINT}, [&](int) { loop.stop(); });
  if (auto const confined = agent::confine(); !confined)
    log.warning("{}; it runs without", to_string(confined.error()));
  log.info("tells what containers there are at {}", path);
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  agent::ResolverSettings settings;
  auto table = agent::resolver_table(settings);
  auto const loaded = table.load(argc, argv, "/etc/dadvisor/agent.yml");
  if (!loaded.run) {
    std::fputs(loaded.output.c_str(), loaded.exit_code == 0 ? stdout : stderr);
    return loaded.exit_code;
  }
  if (loaded.print) {
    std::fputs(table.in_effect().c_str(), stdout);
    return 0;
  }
  try {
    return run(settings, Log("resolver", agent::log_level_of(settings)));
  } catch (std::exception const& failure) {
    std::fprintf(stderr, "dadvisor-resolver: %s\n", printable(failure.what()).c_str());
    return 1;
  }
}
