#pragma once
// Where Graphite's points come in, by plaintext and pickle, on TCP and UDP. Nothing is answered by
// these protocols: what is dropped is counted, by its reason. A point that was taken is visible and
// on its way to the log within a second. Everything is called on one thread, the io thread.

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/ingest/foreign_rows.hpp"
#include "aggregator/ingest/point_aggregator.hpp"
#include "aggregator/ingest/point_router.hpp"
#include "common/core/clock.hpp"
#include "common/http/stream_server.hpp"
#include "graphite-bridge/carbon/carbon_directory.hpp"
#include "graphite-bridge/carbon/point_line.hpp"

namespace dadvisor::aggregator::ingest {

struct PointCounters {
  std::uint64_t lines = 0, pickles = 0, datagrams = 0;  // whole ones that came
  std::uint64_t points = 0;                             // of them
  std::uint64_t taken = 0;                              // stored or aggregated
  std::uint64_t made = 0;                               // stored, of aggregation rules
  // Dropped:
  std::uint64_t malformed = 0;   // lines, pickles or their elements that are no points
  std::uint64_t unfinished = 0;  // messages whose end did not come
  std::uint64_t bad_names = 0;
  std::uint64_t not_a_number = 0, infinite = 0;
  std::uint64_t too_old = 0, ahead = 0;
  std::uint64_t blacklisted = 0, not_whitelisted = 0;
  std::uint64_t too_many_series = 0;
  std::uint64_t log_full = 0;          // too much waits for the log
  std::uint64_t aggregation_full = 0;  // values that a rule did not get
};

// The names that one connection sends, in its order: a sender repeats it each time, so that the
// next name need only be compared and not be looked up.
class ExpectedOrder {
 public:
  // A name, with what its lines need of its route: these stand in memory in the sender's order,
  // the routes as they were first seen.
  struct Place {
    char const* name;
    PointRoute const* route;
    ForeignEntity* entity;
    std::uint32_t next;
    std::uint16_t length;  // of the name
    std::uint8_t column;
    bool plain;  // it is stored, and no rule has it
    bool is(std::string_view its_name) const;
  };
  // That which came behind the last one before.
  Place const* next(std::uint32_t generation);
  // It came again.
  void advance() {
    last_ = places_[last_].next;
    prefetch();
  }
  graphite::PlainTime& time() { return time_; }  // of its lines
  // `route`, which was looked up, came behind the last one.
  void learn(PointRoute const& route);

 private:
  void begin(std::uint32_t generation);
  // What the next lines will need: of so many names little stays in the cache from one time to the
  // next.
  void prefetch() const {
    constexpr std::size_t near = 6;
    if (last_ + near >= places_.size()) return;
    Place const& soon = places_[last_ + near];
    __builtin_prefetch(soon.name);
    __builtin_prefetch(soon.name + soon.length);
    __builtin_prefetch(soon.entity, 1);
  }

  std::vector<Place> places_;
  std::map<PointRoute const*, std::uint32_t> at_;
  graphite::PlainTime time_;
  std::uint32_t last_ = none;
  std::uint32_t generation_ = 0;
  static constexpr std::uint32_t none = 0xffffffff;
};

// Most names have 32 to 64 bytes: these are compared without a branch on how many there are, which
// cannot be foretold from line to line.
inline bool ExpectedOrder::Place::is(std::string_view its_name) const {
  constexpr std::size_t half = 32, word = sizeof(std::uint64_t);
  std::size_t const size = length;
  if (its_name.size() != size) return false;
  if (size < half || size > 2 * half) return its_name == std::string_view(name, size);
  std::uint64_t differs = 0;
  auto const compare = [&](std::size_t at) {
    std::uint64_t a = 0, b = 0;
    std::memcpy(&a, name + at, word);
    std::memcpy(&b, its_name.data() + at, word);
    differs |= a ^ b;
  };
  // The first 32 bytes and the last, which overlap.
  for (std::size_t at = 0; at < half; at += word) compare(at);
  for (std::size_t at = size - half; at < size; at += word) compare(at);
  return differs == 0;
}

inline ExpectedOrder::Place const* ExpectedOrder::next(std::uint32_t generation) {
  if (generation_ != generation) [[unlikely]]
    begin(generation);
  if (last_ == none) return nullptr;
  auto const next = places_[last_].next;
  return next == none ? nullptr : &places_[next];
}

class PointIngest {
 public:
  // `rows` and `clock` must outlive it.
  PointIngest(RouterOptions options, ForeignRows& rows, graphite::CarbonFilesPtr files,
              Clock const& clock);

  // Readers for servers; they must not outlive it.
  std::unique_ptr<http::StreamReader> line_reader();
  std::unique_ptr<http::StreamReader> pickle_reader();
  void datagram(std::string_view bytes);
  // What servers ask before they read: not while what came is so much that the store has to work
  // it in first. It sees to it that the store gets to it.
  bool may_read();

  // Computes aggregates and hands over to the log what came. Several times a second.
  void tick(bool at_the_end = false);
  void use(graphite::CarbonFilesPtr files) { router_.use(std::move(files)); }

  PointCounters const& counters() const { return counters_; }
  ForeignRowsCounters row_counters() const { return rows_.counters(); }
  std::size_t routes() const { return router_.routes(); }

 private:
  class LineReader;
  class PickleReader;
  struct Now {
    MonotonicTime monotonic;
    std::int64_t wall, oldest, newest;  // unix seconds: now, and what a point may have
  };
  Now now() const;
  // The bytes of a line at the beginning of `bytes` that has the expected name, and is taken; 0: it
  // is to be looked at more closely.
  std::size_t expected_line(std::string_view bytes, ExpectedOrder& order, Now const& now);
  void line(std::string_view line, ExpectedOrder& order, Now const& now);
  void point(graphite::Point const& point, ExpectedOrder& order, Now const& now);
  void take(PointRoute const& route, std::int64_t seconds, double value, Now const& now);
  bool store(ForeignSeries const& series, std::int64_t seconds, double value);
  void count_drop(RouteVerdict verdict);

  ForeignRows& rows_;
  Clock const& clock_;
  PointAggregator aggregator_;
  PointRouter router_;
  ExpectedOrder datagrams_;
  PointCounters counters_;
};

// The bytes that a reader may let wait.
inline constexpr std::size_t most_line_bytes = 8 << 10;

}  // namespace dadvisor::aggregator::ingest
