#include "aggregator/store/log_replay.hpp"

#include <algorithm>
#include <optional>

#include "aggregator/store/log_record.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::aggregator::store {
namespace {

// The last batches of each lane of one file, as bases of its deltas.
class Bases {
 public:
  Batch const* find(StreamLane const& lane, std::uint64_t sequence) {
    auto& batches = lanes_[lane];
    auto const found = std::find_if(batches.begin(), batches.end(),
                                    [&](Batch const& batch) { return batch.sequence == sequence; });
    if (found == batches.end()) return nullptr;
    // An agent's base is a batch that was acknowledged: it never goes back behind it.
    batches.erase(batches.begin(), found);
    return &batches.front();
  }
  Batch const& keep(StreamLane const& lane, Batch batch) {
    auto& batches = lanes_[lane];
    if (batches.size() >= remembered_bases) batches.erase(batches.begin());
    return batches.emplace_back(std::move(batch));
  }

 private:
  std::map<StreamLane, std::vector<Batch>> lanes_;
};

// How far each lane is, of one file's records.
//
// A mark is a promise to the agent that all up to it is held. Where bytes that had been synced
// are damaged, it still goes up behind them: what was there was acknowledged, and the agent no
// longer has it. But a crash may tear the last write in its middle: then nothing behind the tear
// was acknowledged, and a mark must not go over a batch that is missing.
class Marks {
 public:
  explicit Marks(std::map<StreamLane, std::uint64_t>& marks) : marks_(marks) {}

  void seen(StreamLane const& lane, std::uint64_t sequence, LogRecord const& record) {
    if (record.skipped_from < record.offset) damage_ = record.skipped_from;
    if (damage_ && record.durable > *damage_) damage_.reset();
    std::erase_if(behind_damage_, [&](Seen const& seen) {  // that turn out to have been synced
      bool const synced = seen.offset < record.durable;
      if (synced) raise(seen.lane, seen.sequence);
      return synced;
    });
    if (damage_)
      behind_damage_.push_back({lane, sequence, record.offset});
    else
      raise(lane, sequence);
  }
  // At the file's end: what may have been torn counts as far as nothing is missing.
  void finish() {
    for (Seen const& seen : behind_damage_)
      if (seen.sequence == marks_[seen.lane] + 1) raise(seen.lane, seen.sequence);
  }

 private:
  struct Seen {
    StreamLane lane;
    std::uint64_t sequence;
    std::uint64_t offset;
  };
  void raise(StreamLane const& lane, std::uint64_t sequence) {
    auto& mark = marks_[lane];
    mark = std::max(mark, sequence);
  }

  std::map<StreamLane, std::uint64_t>& marks_;
  std::optional<std::uint64_t> damage_;  // where the last damage begins that may be a tear
  std::vector<Seen> behind_damage_;
};

Result<void> replay_file(ReadableFile const& file, LogFile& summary, Replay& replay,
                         std::function<void(std::uint64_t, Batch const&)> const& apply) {
  LogScanner scanner(file);
  Bases bases;
  Marks marks(replay.marks);
  for (;;) {
    auto record = scanner.next();
    if (!record) return record.error();
    if (!*record) break;
    auto const frame = (*record)->frame;
    auto const header = peek_frame(frame);
    if (!header) {
      ++replay.damaged;
      continue;
    }
    StreamLane const lane{header->stream, header->lane};
    // Also of what cannot be decoded for want of its base: it will not be sent again.
    marks.seen(lane, header->sequence, **record);
    Batch const* const base = header->base ? bases.find(lane, *header->base) : nullptr;
    auto batch = decode_frame(frame, base);
    if (!batch) {
      ++replay.damaged;
      continue;
    }
    summary.last_tick = std::max(summary.last_tick, batch->tick);
    apply(summary.number, bases.keep(lane, std::move(*batch)));
  }
  marks.finish();
  replay.damaged += scanner.damaged();
  return {};
}

}  // namespace

Result<Replay> replay_log(Disk& disk, std::string const& directory,
                          std::function<void(std::uint64_t, Batch const&)> const& apply) {
  Replay replay;
  auto names = disk.list(directory);
  if (!names) return names.error();
  for (std::string const& name : *names) {
    auto const number = log_file_number(name);
    if (number) replay.files.push_back({*number, 0, WallTime::min()});
  }
  std::sort(replay.files.begin(), replay.files.end(),
            [](LogFile const& a, LogFile const& b) { return a.number < b.number; });
  for (LogFile& summary : replay.files) {
    auto const path = directory + "/" + log_file_name(summary.number);
    if (auto synced = disk.sync_file(path); !synced) return synced.error();
    auto file = disk.open(path);
    if (!file) return file.error();
    summary.bytes = (*file)->size();
    if (auto done = replay_file(**file, summary, replay, apply); !done) return done.error();
  }
  return replay;
}

}  // namespace dadvisor::aggregator::store
