#pragma once
// The agent as it runs: a timer that takes a batch at each tick and hands it to the sender, the
// watchers of the runtimes beside it, and the pages that tell how it is. One loop, one thread;
// whoever made it runs the loop.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/export/agent_pages.hpp"
#include "agent/runtimes.hpp"
#include "agent/sample/sampler.hpp"
#include "agent/send/sender.hpp"
#include "agent/settings.hpp"
#include "agent/slot_ledger.hpp"
#include "agent/ticker.hpp"
#include "common/http/server.hpp"

namespace dadvisor::agent {

SamplerOptions sampler_options(Settings const& settings);
// nullptr where layers and volumes are not to be counted.
std::unique_ptr<DiskWalker> walk_disks(Settings const& settings);

class Agent {
 public:
  // Listens, opens the spool, says hello. Throws std::runtime_error with a text for the operator.
  Agent(Settings settings, Credentials credentials, http::Loop& loop, Clock const& clock, Log log);
  ~Agent();

  // Takes no more ticks and syncs what is not acknowledged: then the loop may stop.
  void finish();

 private:
  void tick(WallTime tick);
  void glance();
  std::optional<ContainerFacts> facts_of(std::string const& id) const;
  AgentFigures figures() const;

  Settings settings_;
  http::Loop& loop_;
  Clock const& clock_;
  Log log_;
  MonotonicTime started_;
  WallTime started_wall_;
  std::optional<MonotonicTime> last_batch_;
  MonotonicTime give_back_due_;
  AgentFigures sampled_;  // the part that tick() counts
  ContainerPage containers_;
  std::shared_ptr<http::TlsCredentials> tls_;  // null: in the clear
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<Sender> sender_;
  std::optional<SlotLedger> slots_;
  std::unique_ptr<DiskWalker> disks_;
  std::optional<Sampler> sampler_;
  std::optional<Runtimes> runtimes_;
  std::vector<RuntimeEvent> events_;  // not in a batch yet
  http::Readable watched_;
  http::Timer glance_timer_;
  std::optional<MonotonicTime> glance_due_;  // as long as the timer runs
  std::optional<RuntimesSettled> settled_;
  std::optional<Ticker> ticker_;
};

// `dadvisor-agent once`: two readings a second apart, printed to stdout. An exit code.
int print_once(Settings const& settings, http::Loop& loop, Clock const& clock, Log const& log);

// `dadvisor-agent bench`: what a tick costs here and each file of it, to stdout. An exit code.
int print_bench(Settings const& settings, http::Loop& loop, Clock const& clock);

// `dadvisor-agent doctor`: what hinders the agent on this host, and the remedies, to stdout. An
// exit code: 1 where something keeps it from its work.
int print_doctor(Settings const& settings, Credentials const& credentials, http::Loop& loop,
                 Clock const& clock);

}  // namespace dadvisor::agent
