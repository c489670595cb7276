#pragma once
// Writes the log, on its own thread, with group commit.
//
// A sync starts when the last one ended and something waits, `spacing` apart at least; there is
// no other timer. Everything that waited goes into one write and one sync, and is answered then.
// Each file stands alone: a stream's first record in it is a key frame, and so is a delta whose
// base is not among the stream's last records in it.
//
// After any failure the file is finished: what it held before the failed group is synced and
// stays, the group is cut off and answered with an error, and so is all that waits. Then nothing
// is accepted until a new file could be written and synced, which is tried once a second. The same
// happens before the disk is full: a reserve stays, and half of what the log takes, so that the
// rows in memory can still be moved to disk, which is what makes the log shorter.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "aggregator/store/appender.hpp"
#include "aggregator/store/disk.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"

namespace dadvisor::aggregator::store {

struct StreamLane {
  StreamId stream;
  Lane lane = Lane::fresh;
  auto operator<=>(StreamLane const&) const = default;
};

// A delta is logged as it came only if its base is one of so many last records of its lane: more
// than an agent has under way, and all that a replay must remember.
inline constexpr std::size_t remembered_bases = 8;

struct LogItem {
  std::string frame;
  std::shared_ptr<Batch const> batch;
  std::function<void(Result<void>)> done;
};

// A log file that was finished, by this run or an earlier one.
struct LogFile {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  WallTime last_tick = WallTime::min();  // the greatest tick of its rows
};

// What rotate() found when everything before it was answered.
struct Rotation {
  std::uint64_t next_number = 0;  // all later records are in files from this number on
  std::vector<StreamMark> marks;  // durable
  bool covers = false;            // there are records that a spill would make superfluous
};

struct LogCounters {
  std::uint64_t batches = 0, bytes = 0, syncs = 0, sync_failures = 0, write_failures = 0,
                file_bytes = 0;
};

class LogWriter {
 public:
  // Starts the thread. `directory`, disk and clock: must outlive it; `files`: of earlier runs.
  // `reserve`: bytes of the disk that are not for the log. `taken` is called on the thread, without
  // a lock, when a group is taken to be written: whoever works on the items meanwhile is woken once
  // a group.
  LogWriter(Disk& disk, Clock const& clock, Log log, std::string directory, Nanoseconds spacing,
            std::uint64_t reserve, std::uint64_t next_number, std::vector<LogFile> files,
            std::vector<StreamMark> marks, std::function<void()> taken);
  ~LogWriter();  // writes, syncs and answers what waits

  // Takes an item; done is called on the log's thread. False: it will be answered unavailable.
  // Any thread.
  bool submit(LogItem item);
  // Ends the file behind what was submitted before. Any thread.
  std::future<Rotation> rotate();
  // Removes the files before `number` that hold nothing after `until`. Any thread.
  void forget(std::uint64_t number, WallTime until);

  bool writable() const;
  LogCounters counters() const;

 private:
  struct Entry {
    LogItem item;
    bool refused = false;
    std::unique_ptr<std::promise<Rotation>> rotation;  // then no item
  };

  void run();
  void work(std::vector<Entry> entries);
  void commit(std::span<Entry> entries);
  Result<void> write(std::span<Entry> entries);
  Result<void> find_room(std::uint64_t bytes) const;
  Result<void> open_file();
  void finish_file(bool cut);
  void fail(Error const& error, bool syncing);
  void probe();
  std::string const* logged_frame(LogItem const& item, std::string& scratch);
  std::string path(std::uint64_t number) const;

  Disk& disk_;
  Clock const& clock_;
  Log log_;
  std::string const directory_;
  Nanoseconds const spacing_;
  std::uint64_t const reserve_;
  std::function<void()> const taken_;

  // The thread's own.
  std::unique_ptr<WritableFile> file_;
  LogFile current_;                                         // of file_; bytes: that are synced
  std::map<StreamLane, std::vector<std::uint64_t>> bases_;  // sequences in file_, the last ones
  std::map<StreamLane, std::uint64_t> marks_;
  std::uint64_t next_number_;
  std::string buffer_;  // of write(): its memory
  MonotonicTime last_sync_{};
  MonotonicTime next_probe_{};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<Entry> queue_;
  std::vector<LogFile> files_;  // finished
  LogCounters counters_;
  bool waiting_ = false;  // for anything at all: not in a write, nor for the next one's time
  bool failing_ = false;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace dadvisor::aggregator::store
