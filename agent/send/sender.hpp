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
#include <string>

#include "agent/send/spool.hpp"
#include "agent/send/transport.hpp"
#include "common/core/clock.hpp"
#include "common/core/delivery/stream_sender.hpp"
#include "common/core/log.hpp"
#include "common/core/row.hpp"
#include "common/http/loop.hpp"
#include "common/http/tls.hpp"

namespace dadvisor::agent {

struct SenderOptions {
  std::string agent;       // its id: 1 to 255 bytes
  std::string aggregator;  // "http://HOST:PORT[/PREFIX]", "https://..." or "unix:/PATH"
  std::string token;       // bearer; empty: none
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
  std::uint64_t unfit = 0;         // batches that the sampler should not have made
  std::uint64_t dropped_rows = 0;  // of refused, set aside, lost and unfit batches; not of damaged
  std::uint64_t requests = 0;
  std::uint64_t failed_requests = 0;  // no answer, or none of 200 and 409
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
  // The same over another transport; `dice` seeds its randomness.
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
  void on_hello(Result<PostReply> reply);
  void on_batches(Result<PostReply> reply);
  void on_failure(Result<PostReply> const& reply);
  void note_refused(delivery::BatchesReply const& reply);
  void drop_done();
  void lose(std::uint64_t record);
  std::uint64_t rows_of(std::uint64_t record);  // 0 when it is gone or damaged
  void spool_says(Result<void> const& result);
  double dice() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  SenderOptions options_;
  Clock const& clock_;
  Log log_;
  std::mt19937_64 random_;
  Spool spool_;
  delivery::StreamSender machine_;
  std::map<std::uint64_t, std::shared_ptr<Batch>> recent_;       // by record, the newest few
  std::map<std::uint64_t, std::shared_ptr<Batch const>> bases_;  // by fresh sequence
  std::vector<delivery::StreamSender::Frame> posted_;            // of the request under way
  std::vector<Schema> schemas_;                                  // of the batch before
  std::uint64_t schema_version_ = 0;
  SenderCounters counters_;
  bool link_logged_ = false;   // that it is down
  bool spool_logged_ = false;  // that it fails
  MonotonicTime refused_logged_{Nanoseconds::min()};
  std::unique_ptr<Transport> transport_;  // last: gone first, and its callbacks with it
};

}  // namespace dadvisor::agent
