// dadvisor-agent: reads this host's containers and sends their figures. Everything is made here
// and handed down; exit codes: 0 ended by a signal or done, 1 it cannot go on, 2 usage or
// configuration.

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "agent/agent.hpp"
#include "agent/footprint.hpp"
#include "agent/name_lookup.hpp"

namespace {

using namespace dadvisor;

// A descriptor per kept cgroup file: a thousand containers need more than the usual 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int refuse(Error const& error) {
  std::fprintf(stderr, "dadvisor-agent: %s\n", error.context.c_str());
  return 2;
}

int run(agent::Settings settings, agent::Credentials credentials, Clock const& clock,
        Log const& log) {
  http::Loop loop;
  agent::Agent agent(std::move(settings), std::move(credentials), loop, clock, log);
  loop.on_signal({SIGTERM, SIGINT}, [&](int) {
    agent.finish();
    loop.stop();
  });
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  agent::keep_heap_small();
  agent::look_up_names_without_modules();
  http::use_no_tls_modules();
  agent::Settings settings;
  auto table = agent::settings_table(settings);
  auto const loaded = table.load(argc, argv, "/etc/dadvisor/agent.yml");
  if (!loaded.run) {
    std::fputs(loaded.output.c_str(), loaded.exit_code == 0 ? stdout : stderr);
    return loaded.exit_code;
  }
  if (auto const good = agent::complete(settings, table); !good) return refuse(good.error());
  if (loaded.print) {
    std::fputs(table.in_effect().c_str(), stdout);
    return 0;
  }
  SystemClock const clock;
  try {
    if (loaded.verb == "once") {
      // What is worth a line while it runs for years would only stand before the table here.
      http::Loop loop;
      return agent::print_once(settings, loop, clock, Log("agent", LogLevel::error));
    }
    if (loaded.verb == "bench") {
      raise_descriptor_limit();
      http::Loop loop;
      return agent::print_bench(settings, loop, clock);
    }
    if (loaded.verb == "doctor") {
      raise_descriptor_limit();
      Log const quiet("agent", LogLevel::none);
      auto const credentials = agent::read_credentials(settings, table, quiet);
      if (!credentials) return refuse(credentials.error());
      http::Loop loop;
      return agent::print_doctor(settings, *credentials, loop, clock);
    }
    Log const log("agent", agent::log_level_of(settings.log_level));
    if (auto const good = agent::settle_data_dir(settings, table); !good) {
      return refuse(good.error());
    }
    auto credentials = agent::read_credentials(settings, table, log);
    if (!credentials) return refuse(credentials.error());
    raise_descriptor_limit();
    return run(std::move(settings), std::move(*credentials), clock, log);
  } catch (std::exception const& failure) {
    std::fprintf(stderr, "dadvisor-agent: %s\n", printable(failure.what()).c_str());
    return 1;
  }
}
