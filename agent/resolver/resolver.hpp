#pragma once
// The resolver as it runs: the watchers, which alone touch the runtimes' sockets, and a socket of
// its own on which whoever may open it reads what they tell (agent/runtime/PROTOCOL.md). There is
// nothing on it by which a runtime could be asked for anything. One loop's thread.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/resolver/feed.hpp"
#include "agent/runtime/runtime_source.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/http/server.hpp"

namespace dadvisor::agent {

struct ResolverOptions {
  std::string run;  // see Feed
  // Where it listens: socket_path, or a socket that listens already. The rest is set here.
  http::ServerOptions server;
  std::chrono::milliseconds least_pause{50};   // between two looks at the watchers
  std::chrono::milliseconds follow_up{1'500};  // after a change: what they hold back for a second
  std::chrono::milliseconds pace{10'000};      // the longest time in which nothing is told
};

// Makes whoever watches the runtimes; what it is given is as in WatchersOptions.
using MakeSource = std::function<std::unique_ptr<RuntimeSource>(
    std::function<void(std::string const& id)> on_update, std::function<void()> on_change)>;

class Resolver {
 public:
  // Listens and begins at once. Throws std::runtime_error with a text for the operator. `loop` and
  // `clock` must outlive it.
  Resolver(http::Loop& loop, Clock const& clock, ResolverOptions options, MakeSource const& make,
           Log log);
  ~Resolver();
  Resolver(Resolver const&) = delete;
  Resolver& operator=(Resolver const&) = delete;

  void stop() { server_->stop(); }

 private:
  struct Reader {
    Follower follower;
    std::optional<http::ResponseStream> stream;
  };

  void answer(http::Request const& request, http::Responder const& respond);
  void follow(http::Responder const& respond);
  void take_missed(http::Request const& request, http::Responder const& respond);
  void leave(std::shared_ptr<Reader> const& reader);
  void changed();
  void look();
  void tell(std::shared_ptr<Reader> const& reader);
  void beat();

  http::Loop& loop_;
  Clock const& clock_;
  ResolverOptions options_;
  Log log_;
  Feed feed_;
  std::set<std::shared_ptr<Reader>> readers_;  // nobody else holds one
  std::unique_ptr<RuntimeSource> source_;
  std::unique_ptr<http::Server> server_;
  bool look_due_ = false, cut_logged_ = false;
  Nanoseconds cost_{};  // of the last look
  http::Timer look_timer_, follow_up_timer_, beat_timer_;
};

}  // namespace dadvisor::agent
