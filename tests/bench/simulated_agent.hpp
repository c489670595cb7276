#pragma once
// One agent of a simulated fleet: its workload, its delivery state machine (common/core/delivery)
// and what is not acknowledged, which it keeps in memory where a real agent has a spool. Speaks
// the real protocol over an http::Client that it shares with others: the aggregator knows sessions
// by their instance, not by their connection. All on the loop's thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/core/delivery/stream_sender.hpp"
#include "common/http/client.hpp"
#include "common/http/loop.hpp"
#include "tests/bench/workload.hpp"

namespace dadvisor::bench {

// What the whole fleet shares.
struct FleetLink {
  explicit FleetLink(http::Loop& its_loop) : loop(its_loop) {}
  http::Loop& loop;
  std::unique_ptr<http::Client> client;  // none: the link is cut
  std::uint64_t instance = 0;            // of this run of the program
  double speed = 1;                      // of the time in which agents pause and wait
  std::function<void()> acknowledged;    // some agent has less that waits than before
  // Sums over all agents.
  std::uint64_t made_samples = 0, acked_samples = 0, acked_batches = 0, frame_bytes = 0,
                requests = 0, failed = 0, refused = 0, hellos = 0, key_frames = 0, frames = 0;
  std::vector<float> answer_ms;  // of each batches request, from posting to its answer
  std::string first_failure;
};

class SimulatedAgent {
 public:
  SimulatedAgent(FleetLink& link, WorkloadOptions const& options, unsigned number);
  ~SimulatedAgent();
  SimulatedAgent(SimulatedAgent const&) = delete;
  SimulatedAgent& operator=(SimulatedAgent const&) = delete;

  // Says hello; then, and after each produce(), sends what it may.
  void start() { pump(); }
  // Leaves out ticks that were sent in an earlier run; before the first produce().
  void skip(unsigned ticks) {
    for (; ticks > 0; --ticks) workload_.next();
  }
  // The next tick's batch is there.
  void produce();
  // The link was cut, and with it the request under way.
  void cut();
  std::size_t waiting() const { return machine_.waiting(); }
  bool connected() const { return machine_.connected(); }
  WallTime newest_acked() const { return newest_acked_; }
  WallTime next_tick() const { return workload_.next_tick(); }

 private:
  struct Record {
    std::shared_ptr<Batch> batch;  // the newest few; else:
    std::string key_frame;
    std::uint64_t samples = 0;
    WallTime tick{};
  };

  MonotonicTime now() const;  // in the fleet's time
  void pump();
  void post(delivery::StreamSender::Post const& post);
  void send(std::string_view path, std::string_view type, std::string body,
            void (SimulatedAgent::*answered)(Result<http::Response> const&));
  std::string encode(delivery::StreamSender::Frame const& frame);
  void on_hello(Result<http::Response> const& response);
  void on_batches(Result<http::Response> const& response);
  void failed(Result<http::Response> const& response);
  void drop_done();

  FleetLink& link_;
  HostWorkload workload_;
  Dice dice_;
  delivery::StreamSender machine_{1};
  std::map<std::uint64_t, Record> records_;                      // not acknowledged
  std::map<std::uint64_t, std::shared_ptr<Batch const>> bases_;  // by fresh sequence
  std::uint64_t next_record_ = 1;
  WallTime newest_acked_{};
  MonotonicTime posted_{};
  bool under_way_ = false;
  std::uint64_t request_ = 0;  // answers to those before a cut are none of ours
  http::Timer timer_;
};

}  // namespace dadvisor::bench
