#pragma once
// The batches that the aggregator has not acknowledged, as key frames on disk, so that neither an
// agent's crash nor an aggregator's absence loses them.
//
// An append log in segment files, in a directory of its own:
//
//   record:  u32 "dSP1" · u32 size of the payload · u32 CRC-32C of size and payload · payload
//   payload: u8 1 · u64 record · i64 tick, ns · key frame   a batch (epoch, sequence in it: unset)
//            u8 2 · u64 record · u64 epoch · u8 lane · u64 sequence   the place that it was given
//            u8 3 · u64 record                              it is done: acknowledged or given up
//            u8 4 · u64 record · i64 first, last tick, ns · u64 batches    thinned out of this
//                                                           segment; the batch `record` tells it
//            u8 5 · u64 record · u32 n · n x (u8 reason · i64 first, last tick, ns · u64 batches) ·
//              (u64 first, last)...    lost, and told by the batch `record` or, where that was not
//                                      written, the next one; the batches of these numbers are done
//            u8 6 · u64 record         first in each segment: of its first batch, at the least
//
// A record that is torn or flipped is skipped: reading goes on at the next one whose CRC is right.
// A segment goes when no batch that is not done has its frame or its place in it, no older one is
// left of whose batches it says that they are done, and no loss stands in it that no batch on disk
// tells. Beyond the bounds the oldest segment goes, whatever is in it, but not before the loss
// stands in the newest one and is synced: so a crash in between finds batches that are done, and
// their loss once. Before that segments are thinned, each once: written anew beside ("thinning"),
// synced, and renamed, so that at any time either the old one or the new one is there. Written at
// once, hence kept over a crash of the agent; synced only when asked, for a crash of the machine.
//
// Numbers of batches rise by one, over restarts too, so that a hole shows (spool_gaps.hpp). How far
// the newest segment was synced the file "mark" says, one record as above, overwritten behind each
// sync and not synced itself: u8 7 · u64 the next batch's number · u64 segment · u64 its bytes.
//
// Every file is opened O_NOFOLLOW; a lock keeps a second agent out. Not thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/send/spool_gaps.hpp"
#include "common/core/clock.hpp"
#include "common/core/delivery/stream_sender.hpp"
#include "common/core/fd.hpp"
#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::agent {

struct SpoolOptions {
  std::string directory;                         // made when it is missing
  std::uint64_t max_bytes = 256 << 20;           // of all segments
  Nanoseconds max_age = std::chrono::hours(24);  // of a batch's tick
  std::uint64_t segment_bytes = 4 << 20;
};

struct SpoolCounters {
  std::uint64_t bytes = 0;         // of all segments
  std::uint64_t batches = 0;       // not done
  std::uint64_t damaged = 0;       // places in the files that were skipped, since start
  std::uint64_t dropped_full = 0;  // batches dropped to keep max_bytes
  std::uint64_t dropped_old = 0;   // ... and max_age
  std::uint64_t write_failures = 0;
  std::uint64_t syncs = 0;
};

class Spool {
 public:
  // Reads what is there. The epoch is the one that was kept; where there is none, the spool was
  // lost or is new, and the epoch is `now` in seconds, which is above every earlier one. Errors:
  // conflict (another agent uses it); what open(2) says.
  static Result<Spool> open(SpoolOptions options, WallTime now);

  std::uint64_t epoch() const { return epoch_; }
  // Of a new stream: all places given so far are void.
  Result<void> set_epoch(std::uint64_t epoch);

  // Holes that opening found in the files; none is told of where all batches around it are there or
  // done. Until settle_damages() no segment goes.
  using Damage = SpoolDamage;
  std::vector<Damage> const& damages() const { return damages_; }
  // What is lost by them, as the next batch will tell it: later runs do not find them again.
  Result<void> settle_damages(std::vector<Loss> const& told);

  struct Held {
    std::uint64_t record = 0;
    std::optional<delivery::Place> place;
  };
  std::vector<Held> held() const;  // not done, oldest first

  // A number for a batch: ascending, never given twice while the spool is open.
  std::uint64_t new_record() { return next_record_++; }
  Result<void> append(std::uint64_t record, WallTime tick, std::string_view key_frame);
  Result<void> place(std::uint64_t record, delivery::Place place);
  // Unknown records are none of its business: they were never stored or are gone.
  void done(std::uint64_t record);
  // Errors: not_found; malformed (damaged meanwhile: counted).
  Result<std::string> read(std::uint64_t record);
  bool holds(std::uint64_t record) const { return batches_.contains(record); }
  std::optional<WallTime> tick(std::uint64_t record) const;  // nullopt: it is not held

  // A batch that is dropped, not done.
  struct Dropped {
    std::uint64_t record = 0;
    WallTime tick{};
    LossReason reason = LossReason::full;
  };
  // Drops what exceeds the bounds once `room` bytes more are written. `losing` is called with what
  // goes at once, while it can still be read, and answers what is lost by it: kept before anything
  // is unlinked, until the next batch was written. What `keeps` names stays for now.
  std::vector<Dropped> trim(
      WallTime now, std::uint64_t room = 0,
      std::function<std::vector<Loss>(std::span<Dropped const>)> const& losing = {},
      std::function<bool(std::uint64_t record)> const& keeps = {});
  // Gives up batches, in favour of a loss: as trim() does. Where the disk takes nothing the batches
  // go all the same, and the loss is in nobody's hands but the caller's.
  Result<void> lose(std::vector<Loss> const& losses, std::span<std::uint64_t const> records);
  // Whether max_bytes would be left by `room` bytes more.
  bool exceeds(std::uint64_t room) const;
  bool has_thinned() const;  // some segment is

  // The oldest segment that was not thinned yet and is not written any more: its batches, and those
  // next to them.
  struct Part {
    std::uint64_t segment = 0;
    std::vector<std::uint64_t> records;
    std::optional<std::uint64_t> before, behind;
  };
  std::optional<Part> part_to_thin() const;
  // Takes batches without a place out of a segment, which gives their bytes back; it is not tried
  // again. `told`: what the batch of the next record number tells of them, kept until that batch
  // was written. Errors: what open(2) and write(2) say, malformed (another batch of it cannot be
  // read); all is as it was then.
  Result<void> thin(std::uint64_t segment, std::set<std::uint64_t> const& leaving,
                    std::vector<Loss> const& told);
  // What an earlier run lost or thinned and did not come to tell. They are here no more.
  std::vector<Loss> take_untold();

  // fdatasync of what was written since the last.
  Result<void> sync();

  SpoolCounters counters() const;

 private:
  struct Batch {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;  // of the payload
    std::uint32_t size = 0;
    WallTime tick{};
    std::optional<delivery::Place> place;
    std::uint64_t place_segment = 0;
  };
  struct Segment {
    std::uint64_t bytes = 0;
    std::uint64_t uses = 0;  // frames and places of batches that are not done
    // Segments of whose batches it says that they are done: while one of them is there, they
    // would else come back in the next run.
    std::set<std::uint64_t> vouches_for;
    std::uint64_t told_by = 0;  // the batch that tells the losses in it; 0: there are none
    bool thinned = false;       // or it was tried
  };
  struct Untold {
    std::uint64_t told_by = 0;  // the number of the batch that was to tell
    std::uint64_t segment = 0;
    Loss loss;
  };

  Spool() = default;
  std::uint64_t bytes() const;
  Result<void> replace_segment(std::uint64_t id, std::string_view bytes);
  Result<void> read_segments(std::vector<std::uint64_t> const& ids, SpoolGaps& gaps);
  void read_mark(SpoolGaps& gaps);
  void replay(std::uint64_t segment, std::uint64_t offset, std::string_view payload,
              SpoolGaps& gaps);
  void replay_gone(std::uint64_t segment, spool_record::Gone const& gone);
  void find_untold();
  // The payload's offset. In front of the first one of a segment stands its head; alone, if
  // `payload` is empty.
  Result<std::uint64_t> write(std::string_view payload);
  Result<void> write_gone(spool_record::Gone const& gone, std::set<std::uint64_t> const& homes);
  Result<void> new_segment();
  void write_mark();
  void forget(std::uint64_t record);
  void forget_place(Batch& batch);
  void write_done(std::uint64_t record, std::uint64_t home);
  void collect();

  SpoolOptions options_;
  Fd directory_;
  Fd lock_;
  Fd current_;  // the last segment, open for writing
  Fd mark_;
  std::uint64_t current_id_ = 0;
  bool unsynced_ = false;
  bool unsynced_loss_ = false;  // there is one among it
  std::uint64_t epoch_ = 0;
  std::uint64_t next_record_ = 1;
  std::uint64_t appended_ = 0;    // the last number that stands in the files
  std::uint64_t told_below_ = 1;  // what batches below that number tell will arrive, or be told
  std::map<std::uint64_t, Batch> batches_;     // by record
  std::map<std::uint64_t, Segment> segments_;  // by id
  std::vector<Damage> damages_;
  bool damages_untold_ = false;
  std::vector<Untold> untold_;
  std::vector<Loss> untold_again_;  // of untold_: those whose batch was written, and is lost itself
  SpoolCounters counters_;
};

}  // namespace dadvisor::agent
