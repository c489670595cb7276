// The verb `once`: what the agent would send, for a person, without spool and aggregator.

#include <cstdio>

#include "agent/agent.hpp"
#include "agent/sample/table.hpp"

namespace dadvisor::agent {

using namespace std::chrono_literals;

int print_once(Settings const& settings, http::Loop& loop, Clock const& clock, Log const& log) {
  constexpr Nanoseconds apart = 1s;
  SamplerOptions options = sampler_options(settings);
  options.step = apart;
  options.grace = apart / 2;  // there is no later one to wait for
  auto const disks = walk_disks(settings);
  options.disks = disks.get();
  Sampler sampler(std::move(options), clock, log.named("sample"));
  Runtimes runtimes(settings, loop, clock, log, nullptr);
  auto const reading = [&] {
    return sampler.sample(clock.wall(), runtimes.snapshot(), runtimes.state());
  };
  Result<Batch> first = Error{};
  Result<Batch> second = Error{};
  http::Timer wait;
  RuntimesSettled const settled(loop, clock, runtimes, [&] {
    first = reading();
    runtimes.look(sampler.has_strangers());
    wait = loop.after(apart, [&] {
      second = reading();
      loop.stop();
    });
  });
  loop.run();
  if (!second) {
    log.error("no reading: {}", to_string(second.error()));
    return 1;
  }
  auto const* const before = first ? &*first : nullptr;
  auto const text =
      settings.output == "json" ? render_json(*second, before) : render_table(*second, before);
  bool const written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace dadvisor::agent
