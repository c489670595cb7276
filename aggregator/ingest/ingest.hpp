#pragma once
// Where agents' batches come in: splits requests into frames, asks the delivery state machine of
// each agent, decodes, checks, appends, and answers when what it acknowledges is on disk.
//
// Everything is called on one thread, the io thread; the store's answers come on a thread of its
// own and are brought back by the `post` function. Of one agent one batch at a time is on its way
// to the store: a batch that fails can so never be followed by one that succeeds. Different agents
// do not wait for each other.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/ingest/held_batch.hpp"
#include "aggregator/ingest/limits.hpp"
#include "aggregator/store/appender.hpp"
#include "common/core/clock.hpp"
#include "common/core/delivery/protocol.hpp"
#include "common/core/delivery/stream_receiver.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::ingest {

struct Reply {
  unsigned status = 200;
  std::string body;  // JSON for 200 and 409, else a line of text
  std::optional<std::chrono::seconds> retry_after;
};
using ReplyCallback = std::function<void(Reply)>;

// Batches that an agent declared lost: it dropped them before they were here.
struct LostBatches {
  std::string agent;
  std::uint64_t epoch = 0;
  delivery::LostRange range;
  WallTime told{};                // when it said so
  std::optional<WallTime> after;  // its newest durable tick then; absent: none since the start
};

struct IngestOptions {
  std::size_t max_agents = 100'000;
  std::size_t max_waiting_bytes = 256 << 20;  // bodies of requests that are not answered
  // Of the store; half a gigabyte, and the rows of half a million containers. Backlogs get half of
  // it.
  std::uint64_t max_unapplied_cells = 32 << 20;
};

struct IngestCounters {
  std::uint64_t hellos = 0;
  std::uint64_t requests = 0;     // of batches
  std::uint64_t batches = 0;      // appended and durable
  std::uint64_t rows = 0;         // of those
  std::uint64_t frame_bytes = 0;  // of those
  std::uint64_t repeated = 0;     // durable already: acknowledged again, not applied
  std::uint64_t quarantined = 0;  // refused: ahead of the clock, or from a wrong one
  std::uint64_t too_old = 0;      // refused: older than 24 h
  std::uint64_t unfit = 0;        // refused: contradicting themselves
  std::uint64_t malformed = 0;    // requests answered 400, 413 or 415
  std::uint64_t denied = 0;       // requests answered 403
  std::uint64_t turned_away = 0;  // requests answered 429 or 503
  std::uint64_t postponed = 0;    // backlog batches of other requests that there was no room for
  std::uint64_t append_failures = 0;
  std::uint64_t lost = 0;       // sequences that agents declared lost
  std::uint64_t conflicts = 0;  // hellos of a second agent under one id
  std::uint64_t agents = 0;     // that are known
  std::uint64_t waiting_bytes = 0;
};

// One agent as ingest knows it.
struct StreamView {
  std::string agent;
  std::optional<WallTime>
      newest_tick;  // since the start of this process; absent: it has not spoken
  // The agent's clock less this machine's, by its last requests; absent: not told since the start.
  std::optional<Nanoseconds> clock_offset;
};

class Ingest {
 public:
  using Post = std::function<void(std::function<void()>)>;
  // `appender` and `clock` must outlive it. `post` runs a function on the io thread, from any
  // thread; a function that runs after the Ingest has gone does nothing.
  Ingest(IngestOptions options, store::Appender& appender, Clock const& clock, Post post, Log log);
  ~Ingest();
  Ingest(Ingest const&) = delete;
  Ingest& operator=(Ingest const&) = delete;

  // The agents that whoever sends has proven to be; empty: it may speak for any.
  using Proven = std::vector<std::string>;
  // The bodies of POST /api/v1/hello and /api/v1/batches. `reply` is called once, on the io thread,
  // at once or later: with 403 where the agent is none of those `proven`.
  void hello(std::string body, Proven const& proven, ReplyCallback reply);
  void batches(std::string body, Proven const& proven, ReplyCallback reply);

  IngestCounters counters() const;
  // All agents known, by id.
  std::vector<StreamView> streams() const;
  // What agents declared lost since the start, the last few, the newest last.
  std::deque<LostBatches> const& lost() const { return lost_; }

 private:
  struct Job;
  struct Agent;
  struct Appended;
  class AppendedQueue;
  using Bases = std::map<std::uint64_t, std::shared_ptr<HeldBatch>>;  // by sequence

  void see_clock(Agent& agent, Nanoseconds offset);
  void enqueue(Agent& agent, std::unique_ptr<Job> job);
  void run(Agent& agent);
  void answer_hello(Agent& agent, Job& job);
  // Goes on with the agent's first job until a batch is on its way to the store or the job is
  // answered: true.
  bool advance(Agent& agent, Job& job);
  Result<Batch> decode(Agent& agent, Job const& job, Bases::iterator base);
  void append(Agent& agent, std::string_view frame, Batch batch);
  void appended(Appended const& answer);
  void refuse(Agent& agent, Job& job, FrameHeader const& header, Objection const& objection);
  void finish(Agent& agent, Reply reply);
  void reject(ReplyCallback const& reply, Error const& error);
  void turn_away(ReplyCallback const& reply, unsigned status, std::string text);
  // Whether it was denied.
  bool deny(Proven const& proven, std::string const& agent, ReplyCallback const& reply);
  Agent* find(std::string const& id);

  IngestOptions options_;
  store::Appender& appender_;
  Clock const& clock_;
  Log log_;
  std::map<std::string, std::unique_ptr<Agent>, std::less<>> agents_;
  IngestCounters counters_;
  std::deque<LostBatches> lost_;
  std::shared_ptr<AppendedQueue> appended_;  // of those that answer, too
};

}  // namespace dadvisor::aggregator::ingest
