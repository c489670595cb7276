#pragma once
// Batches from the sampler to the aggregator: into the spool, out as frames, away when they are
// acknowledged. What is to be said next the delivery state machine decides (common/core/delivery);
// this class encodes, posts, and keeps spool and counters.
//
// All on the loop's thread. submit() writes to the spool and returns; everything else happens in
// the loop's callbacks. No error of link, disk or aggregator comes out of it: they are counted,
// logged once, and lived with.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "agent/send/losses.hpp"
#include "agent/send/spool.hpp"
#include "agent/send/thinning.hpp"
#include "agent/send/transport.hpp"
#include "common/core/clock.hpp"
#include "common/core/delivery/fail_over.hpp"
#include "common/core/delivery/stream_sender.hpp"
#include "common/core/log.hpp"
#include "common/core/row.hpp"
#include "common/http/loop.hpp"
#include "common/http/tls.hpp"

namespace dadvisor::agent {

struct SenderOptions {
  std::string agent;  // its id: 1 to 255 bytes
  // "http://HOST:PORT[/PREFIX]", "https://..." or "unix:/PATH"; the first that answers is sent to,
  // and none is asked beside it (common/core/delivery/fail_over.hpp).
  std::vector<std::string> aggregators;
  Nanoseconds fail_over_after = std::chrono::seconds(30);
  std::string token;                          // bearer; empty: none
  std::shared_ptr<http::TlsCredentials> tls;  // for https
  SpoolOptions spool;
  bool strict = false;   // sync each batch to disk, instead of only those that wait a tick or more
  std::string instance;  // of this run; empty: drawn
  std::string boot_id;   // empty: the kernel's
};

struct SenderCounters {
  std::uint64_t submitted = 0;     // batches
  std::uint64_t acknowledged = 0;  // or refused or set aside: done with
  std::uint64_t refused = 0;       // by the aggregator for good (stamps out of bounds)
  std::uint64_t set_aside = 0;     // frames that it called malformed
  std::uint64_t lost = 0;          // dropped unsent: spool full, too old, damaged, not writable
  std::uint64_t thinned = 0;       // taken out of a full spool so that one a minute is left
  std::uint64_t unfit = 0;         // batches that the sampler should not have made
  std::uint64_t dropped_rows = 0;  // of refused, set aside, lost and unfit batches; not of damaged
  std::uint64_t requests = 0;
  std::uint64_t failed_requests = 0;  // no answer, or none of 200 and 409
  std::uint64_t fail_overs = 0;       // changes of the aggregator, there and back
  std::size_t aggregator = 0;         // which of the list is sent to
  std::uint64_t conflicts = 0;        // hellos refused: another agent speaks under this id
  std::uint64_t key_frames = 0;
  std::uint64_t delta_frames = 0;
  std::uint64_t frame_bytes = 0;
  std::uint64_t waiting = 0;  // batches not acknowledged
  std::uint64_t epoch = 0;
  bool connected = false;
  // This host's clock less the aggregator's, as its last answer says; nullopt: nothing answers.
  std::optional<Nanoseconds> clock_offset;
  SpoolCounters spool;
};

// When after its tick an agent sends: hash(agent) modulo the lesser of 1 s and step / 4, so that a
// thousand agents that sample together do not send together.
Nanoseconds send_offset(std::string_view agent, Nanoseconds step);

class Sender {
 public:
  // Opens the spool and says hello. Throws std::runtime_error, for start-up to show, when the
  // options make no sense or the spool cannot be had.
  Sender(SenderOptions options, http::Loop& loop, Clock const& clock, Log log);
  // The same over other transports, one for each aggregator; `dice` seeds its randomness.
  Sender(SenderOptions options, std::vector<std::unique_ptr<Transport>> transports,
         Clock const& clock, Log log, std::uint64_t dice);
  Sender(SenderOptions options, std::unique_ptr<Transport> transport, Clock const& clock, Log log,
         std::uint64_t dice);
  ~Sender();
  Sender(Sender const&) = delete;
  Sender& operator=(Sender const&) = delete;

  // Takes a tick's rows, which the caller may read on but not change; stream, lane and sequence
  // are set here. Control bytes in label values are escaped, values beyond the frame's limits
  // cut.
  void submit(std::shared_ptr<Batch> batch);
  // Syncs what is not acknowledged to disk: the last thing before exit. Does not wait for answers.
  void flush_for_exit();
  SenderCounters counters() const;

 private:
  void pump();
  void say_hello(delivery::StreamSender::SayHello const& hello);
  void post(delivery::StreamSender::Post const& post);
  Result<std::string> encode(delivery::StreamSender::Frame const& frame);
  void change_aggregator();
  void probe();
  void call_back(std::optional<MonotonicTime> until, MonotonicTime now);
  bool one_of_many() const { return transports_.size() > 1; }
  Transport& transport() { return *transports_[fail_over_.current()]; }
  void on_hello(Result<PostReply> reply);
  void on_batches(Result<PostReply> reply);
  void on_failure(Result<PostReply> const& reply);
  void note_refused(delivery::BatchesReply const& reply);
  void drop_done();
  // What opening the spool found damaged.
  void tell_damage(WallTime tick);
  void make_room(std::uint64_t bytes, WallTime now);
  // Thins the oldest part of the spool; false when there is none left to thin.
  bool thin_oldest();
  std::optional<Outline> outline(std::uint64_t record);
  // Of a batch: what counts, and what is told anew, when it does not arrive. Nothing of one that is
  // gone or damaged.
  struct Content {
    std::size_t rows = 0;
    std::vector<Loss> losses;
  };
  // Counts those as lost, and has the next batch tell of them, and of what they told: which is what
  // it returns.
  std::vector<Loss> lose(std::span<Spool::Dropped const> those);
  void drop(Spool::Dropped const& one);
  // What is in the request under way may have arrived: it is not dropped before the answer.
  bool in_request(std::uint64_t record) const;
  Content content_of(std::uint64_t record);
  void spool_says(Result<void> const& result);
  double dice() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  SenderOptions options_;
  Clock const& clock_;
  Log log_;
  std::mt19937_64 random_;
  Spool spool_;
  delivery::StreamSender machine_;
  delivery::FailOver fail_over_;
  bool change_ = false;  // once nothing is under way: to fail_over_.current()
  Losses losses_;        // to be told by the next batch
  Nanoseconds step_ = std::chrono::seconds(10);                  // of the last batch
  std::map<std::uint64_t, std::shared_ptr<Batch>> recent_;       // by record, the newest few
  std::map<std::uint64_t, std::shared_ptr<Batch const>> bases_;  // by fresh sequence
  std::vector<delivery::StreamSender::Frame> posted_;            // of the request under way
  std::vector<Schema> schemas_;                                  // of the batch before
  std::uint64_t schema_version_ = 0;
  SenderCounters counters_;
  bool damage_told_ = false;
  bool link_logged_ = false;   // that it is down
  bool spool_logged_ = false;  // that it fails
  MonotonicTime refused_logged_{Nanoseconds::min()};
  std::vector<std::unique_ptr<Transport>> transports_;  // last: gone first, with their callbacks
};

}  // namespace dadvisor::agent
