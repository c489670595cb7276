#pragma once
// /api/v1/events/stream: events as they are recorded, as server-sent events (WHATWG HTML, 9.2),
// for discovery and deploy tools. A client that comes back with Last-Event-ID gets what it missed,
// in order, as far as it is still kept; one that comes without gets what happens from now on.
//
//   id: 42
//   data: {"when": 1700000000, "what": "...", "data": "", "tags": ["start", ...], "id": 42}
//
// Each client costs one page of events in memory: the next is read when that one has left. A
// client that takes nothing is cut (ResponseStream). Heartbeats are comments. Owned by the loop's
// thread; only notify() is for any.

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aggregator/event/event_log.hpp"
#include "common/core/clock.hpp"
#include "common/http/loop.hpp"
#include "common/http/server.hpp"

namespace dadvisor::aggregator::api {

struct EventStreamOptions {
  Nanoseconds heartbeat = std::chrono::seconds(15);
  std::size_t most_clients = 256;  // more are answered 503
  std::size_t page = 200;          // events read at once for one client
};

struct EventStreamCounters {
  std::uint64_t clients = 0;  // now
  std::uint64_t accepted = 0, refused = 0, sent = 0, read_failures = 0;
};

class EventStream {
 public:
  EventStream(http::Loop& loop, event::EventReader reader, EventStreamOptions options = {});
  ~EventStream();
  EventStream(EventStream const&) = delete;
  EventStream& operator=(EventStream const&) = delete;

  // Parameters: tags (by blanks: events that carry all of them), last_event_id (for clients that
  // cannot set the header).
  void answer(http::Request const& request, http::Responder const& respond);
  // New events are durable.
  void notify();
  EventStreamCounters const& counters() const { return counters_; }

 private:
  struct Client;
  struct Shared;
  void pump(Client& client);
  void beat();

  http::Loop& loop_;
  event::EventReader reader_;
  EventStreamOptions const options_;
  std::set<std::shared_ptr<Client>> clients_;
  EventStreamCounters counters_;
  http::Timer heartbeat_;
  std::shared_ptr<Shared> shared_;  // for calls that come after the end
};

}  // namespace dadvisor::aggregator::api
