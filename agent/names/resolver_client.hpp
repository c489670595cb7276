#pragma once
// The resolver's word on containers, as an agent follows it that may not touch the runtimes'
// sockets itself (agent/runtime/PROTOCOL.md). The resolver tells everything when it is connected
// to, then what changes, and something at least every 10 s.
//
// While the resolver is away or hangs, the snapshot stays as it was and nothing is up; it is tried
// again with a growing pause, from 0.1 to 10 s with jitter. Events that it told are its business
// until events_kept(), so that an agent which begins anew is told them again. What ended while no
// resolver ran, the next one is asked about. Owned by the loop's thread.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/runtime/backoff.hpp"
#include "agent/runtime/documents.hpp"
#include "agent/runtime/runtime_source.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/http/client.hpp"
#include "common/http/loop.hpp"

namespace dadvisor::agent {

struct ResolverClientOptions {
  std::string socket_path;
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds least_pause{100};
  std::chrono::milliseconds most_pause{10'000};
  std::chrono::milliseconds silence{35'000};  // of a resolver that hangs
  // Called for a container whose limits may have changed.
  std::function<void(std::string const& id)> on_update;
};

struct ResolverCounters {
  std::uint64_t connects = 0;   // whole pictures taken: after the first, reconnects
  std::uint64_t failures = 0;   // broken connections, silence, answers that are no answer
  std::uint64_t malformed = 0;  // of them, lines that made no sense
};

class ResolverClient final : public RuntimeSource {
 public:
  // Begins at once. `loop` and `clock` must outlive it.
  ResolverClient(http::Loop& loop, Clock const& clock, ResolverClientOptions options, Log log);
  ~ResolverClient() override;
  ResolverClient(ResolverClient const&) = delete;
  ResolverClient& operator=(ResolverClient const&) = delete;

  std::vector<Container> snapshot() override;
  std::vector<RuntimeEvent> take_events() override;
  void missed(std::vector<Container> lives, WallTime seen) override;
  void events_kept() override;
  // Nothing is up while the resolver is not; the rest is as it was told last.
  RuntimeReport report() const override;
  bool settled() const override { return settled_; }

  bool up() const { return state_ == State::following; }
  // Why it does not answer, by the last attempt; nullopt once it does.
  std::optional<Error> const& trouble() const { return trouble_; }
  ResolverCounters const& counters() const { return counters_; }

 private:
  // away -> telling (connected, not told all yet) -> following; any failure -> away.
  enum class State { away, telling, following };

  void connect();
  void on_document(documents::Document document);
  void on_hello(documents::Hello const& hello);
  void on_container(Container container);
  void on_told(documents::Told told);
  void on_state(RuntimeReport report);
  bool is_whole(std::string const& runtime) const;
  void forget_untold();
  void find_missed();
  void tell_missed();
  void expect_more();
  void fail(Error why);

  using Life = std::pair<std::string, std::int64_t>;  // id, started_ns

  http::Loop& loop_;
  Clock const& clock_;
  ResolverClientOptions options_;
  Log log_;
  Backoff backoff_;
  State state_ = State::away;
  bool settled_ = false, outage_logged_ = false;
  // This run told all that the runtime has.
  bool docker_whole_ = false, containerd_whole_ = false;
  std::optional<Error> wrong_;  // with the stream that is being read
  std::optional<Error> trouble_;
  std::map<std::string, Container> containers_;
  std::map<std::string, Container> coming_;  // while telling
  std::map<Life, Container> open_;           // those that were told to run, and no exit of
  std::map<Life, Container> missed_;         // those that ended while no resolver ran
  WallTime seen_{};                          // when a resolver before this one was last heard
  WallTime heard_{};                         // when this one was
  std::set<Life> asked_;                     // those of missed_ that this run knows of
  bool asking_ = false;                      // of further ones
  std::deque<RuntimeEvent> told_;            // and not taken yet
  std::uint64_t dropped_ = 0;
  std::string run_;           // of the resolver
  std::uint64_t number_ = 0;  // of the last event that was told
  std::uint64_t given_ = 0;   // of the last one that take_events() gave
  std::uint64_t kept_ = 0;    // of the last one that the resolver knows to be kept
  RuntimeReport report_;
  ResolverCounters counters_;
  documents::Reader reader_;
  std::unique_ptr<http::Client> client_;  // made anew for each attempt
  std::unique_ptr<http::Stream> stream_;
  http::Timer timer_;
};

}  // namespace dadvisor::agent
