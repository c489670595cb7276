#include "aggregator/store/log_replay.hpp"

#include <algorithm>
#include <optional>

#include "aggregator/store/frame_bases.hpp"
#include "aggregator/store/log_record.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::aggregator::store {
namespace {

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

Result<void> survey_file(ReadableFile const& file, LogFile& summary, LogSurvey& survey) {
  LogScanner scanner(file);
  Marks marks(survey.marks);
  for (;;) {
    auto record = scanner.next();
    if (!record) return record.error();
    if (!*record) break;
    auto const header = peek_frame((*record)->frame);
    if (!header) {
      ++survey.damaged;
      continue;
    }
    // Also of what cannot be decoded for want of its base: it will not be sent again.
    marks.seen({header->stream, header->lane}, header->sequence, **record);
    summary.last_tick = std::max(summary.last_tick, header->tick);
  }
  marks.finish();
  survey.damaged += scanner.damaged();
  return {};
}

}  // namespace

Result<LogSurvey> survey_log(Disk& disk, std::string const& directory) {
  LogSurvey survey;
  auto names = disk.list(directory);
  if (!names) return names.error();
  for (std::string const& name : *names) {
    auto const number = log_file_number(name);
    if (number) survey.files.push_back({*number, 0, WallTime::min()});
  }
  std::sort(survey.files.begin(), survey.files.end(),
            [](LogFile const& a, LogFile const& b) { return a.number < b.number; });
  for (LogFile& summary : survey.files) {
    auto const path = directory + "/" + log_file_name(summary.number);
    if (auto synced = disk.sync_file(path); !synced) return synced.error();
    auto file = disk.open(path);
    if (!file) return file.error();
    summary.bytes = (*file)->size();
    if (auto done = survey_file(**file, summary, survey); !done) return done.error();
  }
  return survey;
}

Result<std::uint64_t> replay_log(Disk& disk, std::string const& directory,
                                 std::vector<LogFile> const& files,
                                 std::function<bool(std::uint64_t, Batch const&)> const& apply) {
  std::uint64_t undecodable = 0;
  for (LogFile const& summary : files) {
    auto file = disk.open(directory + "/" + log_file_name(summary.number));
    if (!file) return file.error();
    LogScanner scanner(**file);
    FrameBases bases;
    for (;;) {
      auto record = scanner.next();
      if (!record) return record.error();
      if (!*record) break;
      auto const frame = (*record)->frame;
      auto const header = peek_frame(frame);
      if (!header) continue;
      StreamLane const lane{header->stream, header->lane};
      Batch const* const base = header->base ? bases.find(lane, *header->base) : nullptr;
      auto batch = decode_frame(frame, base);
      if (!batch) {
        ++undecodable;
        continue;
      }
      if (!apply(summary.number, bases.keep(lane, std::move(*batch)))) return undecodable;
    }
  }
  return undecodable;
}

}  // namespace dadvisor::aggregator::store
