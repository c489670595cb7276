#pragma once
// Which batches a spool's files should hold and do not, as reading them in order shows it. Numbers
// of batches rise by one, whatever becomes of them, so a hole between two is a loss, whether bytes
// between them are damaged or there are none.
//
// Seen: what is flipped or torn; files cut anywhere, also between two records, in front of another
// segment or of what the mark knows to have been synced. Not seen: the end of the last segment
// behind its last sync, which nobody was promised; and whole files that are taken away in front of
// others, for so they go when all in them is done. Pure; not thread-safe.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "agent/send/spool_record.hpp"
#include "common/core/clock.hpp"

namespace dadvisor::agent {

// A hole in the files, as far as no batch lies in it.
struct SpoolDamage {
  // The ticks of the batches in front and behind, where there are any in the files.
  std::optional<WallTime> before, after;
  // Batches that lay between them and are neither there nor done; nullopt: one may.
  std::optional<std::uint64_t> missing;
  std::vector<spool_record::Range> records;  // those; where it is not known how many, the last one
  std::set<std::uint64_t> segments;          // in which it shows
};

class SpoolGaps {
 public:
  // A segment's records follow; segments by ascending number.
  void segment(std::uint64_t id);
  // What stands in it, in order: where a record does that is whole, and then what it is, if that is
  // of use here; and where none does.
  void whole(std::size_t offset, std::size_t size);
  void begins(std::uint64_t record);
  void batch(std::uint64_t record, WallTime tick);
  void damaged();
  // Wherever it stands: those batches are done.
  void done(spool_record::Range records);
  // Behind the last segment: batches up to that number, not included, had been synced.
  void synced_up_to(std::uint64_t record) { begins(record); }

  // Without those of which nothing is missing.
  std::vector<SpoolDamage> damages() const;

 private:
  struct Found {
    std::uint64_t segment = 0;
    std::uint64_t record = 0;
    WallTime tick{};
  };
  struct Gap {
    std::optional<Found> before, after;
    std::optional<std::uint64_t> from, to;  // numbers of batches; `to` is not in it
    std::set<std::uint64_t> segments;
  };
  void open_gap();
  void close_gap(std::uint64_t to);

  std::optional<std::uint64_t> segment_;
  std::optional<Found> last_;              // in files without one missing between them
  std::optional<std::uint64_t> expected_;  // likewise: the next number
  bool headed_ = false;                    // the segment began with its head
  std::size_t end_ = 0;                    // in it, of what is whole
  bool open_ = false;                      // a gap is, whose `to` is not known yet
  bool open_here_ = false;                 // it was opened by damage behind end_
  std::size_t without_after_ = 0;          // the last gaps, behind which no batch stands yet
  std::vector<Gap> gaps_;
  std::set<std::uint64_t> seen_;
  std::vector<spool_record::Range> done_;
};

}  // namespace dadvisor::agent
