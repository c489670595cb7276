#include "aggregator/store/log_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "aggregator/store/log_record.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t write_bytes = 4 << 20;    // of one write(2) of a large group
constexpr std::size_t kept_bytes = 1 << 20;     // of the memory for it
constexpr std::size_t probe_bytes = 256 << 10;  // that must fit before the disk counts as mended
constexpr auto probe_every = std::chrono::seconds(1);
// How often the thread looks at the clock while failing; the clock itself may be a test's.
constexpr auto failing_poll = std::chrono::milliseconds(20);

Error refusal() { return Error{Errc::unavailable, 0, "the log cannot be written"}; }

}  // namespace

LogWriter::LogWriter(Disk& disk, Clock const& clock, Log log, std::string directory,
                     Nanoseconds spacing, std::uint64_t reserve, std::uint64_t next_number,
                     std::vector<LogFile> files, std::vector<StreamMark> marks,
                     std::function<void()> taken)
    : disk_(disk),
      clock_(clock),
      log_(std::move(log)),
      directory_(std::move(directory)),
      spacing_(spacing),
      reserve_(reserve),
      taken_(std::move(taken)),
      next_number_(next_number),
      last_sync_(clock.monotonic() - spacing),
      files_(std::move(files)) {
  for (StreamMark const& mark : marks) marks_[{mark.stream, mark.lane}] = mark.sequence;
  for (LogFile const& file : files_) counters_.file_bytes += file.bytes;
  thread_ = std::thread([this] { run(); });
}

LogWriter::~LogWriter() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool LogWriter::submit(LogItem item) {
  bool taken = false, wake = false;
  {
    std::lock_guard const lock(mutex_);
    taken = !failing_;
    wake = std::exchange(waiting_, false);
    queue_.push_back({std::move(item), !taken, nullptr});
  }
  if (wake) wake_.notify_one();
  return taken;
}

std::future<Rotation> LogWriter::rotate() {
  auto promise = std::make_unique<std::promise<Rotation>>();
  auto future = promise->get_future();
  std::lock_guard const lock(mutex_);
  queue_.push_back({{}, false, std::move(promise)});
  wake_.notify_one();
  return future;
}

void LogWriter::forget(std::uint64_t number, WallTime until) {
  std::vector<LogFile> covered;
  {
    std::lock_guard const lock(mutex_);
    for (LogFile const& file : files_)
      if (file.number < number && file.last_tick <= until) covered.push_back(file);
  }
  for (LogFile const& file : covered) {
    // One that cannot be removed is tried again behind the next spill.
    if (auto removed = disk_.remove(path(file.number)); !removed) {
      log_.warning("{}", to_string(removed.error()));
      continue;
    }
    std::lock_guard const lock(mutex_);
    std::erase_if(files_, [&](LogFile const& each) { return each.number == file.number; });
    counters_.file_bytes -= file.bytes;
  }
}

bool LogWriter::writable() const {
  std::lock_guard const lock(mutex_);
  return !failing_;
}

LogCounters LogWriter::counters() const {
  std::lock_guard const lock(mutex_);
  return counters_;
}

std::string LogWriter::path(std::uint64_t number) const {
  return directory_ + "/" + log_file_name(number);
}

void LogWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    auto const due = [this] { return stopping_ || !queue_.empty(); };
    waiting_ = true;
    if (failing_)
      wake_.wait_for(lock, failing_poll, due);
    else
      wake_.wait(lock, due);
    waiting_ = false;
    if (!failing_ && !stopping_ && !queue_.empty()) {
      auto const rest = last_sync_ + spacing_ - clock_.monotonic();
      if (rest > Nanoseconds::zero()) wake_.wait_for(lock, rest, [this] { return stopping_; });
    }
    if (stopping_ && queue_.empty()) break;
    std::vector<Entry> entries;
    entries.swap(queue_);
    bool const probing = failing_ && !stopping_;
    lock.unlock();
    if (!entries.empty()) taken_();
    work(std::move(entries));
    if (probing && clock_.monotonic() >= next_probe_) probe();
    lock.lock();
  }
  lock.unlock();
  finish_file(false);
}

void LogWriter::work(std::vector<Entry> entries) {
  std::size_t first = 0;
  for (std::size_t i = 0; i <= entries.size(); ++i) {
    if (i < entries.size() && !entries[i].rotation) continue;
    if (i > first) commit(std::span(entries).subspan(first, i - first));
    first = i + 1;
    if (i == entries.size()) break;
    finish_file(false);
    Rotation rotation;
    rotation.next_number = next_number_;
    for (auto const& [lane, sequence] : marks_)
      rotation.marks.push_back({lane.stream, lane.lane, sequence});
    {
      std::lock_guard const lock(mutex_);
      rotation.covers = !files_.empty();
    }
    entries[i].rotation->set_value(std::move(rotation));
  }
}

void LogWriter::commit(std::span<Entry> entries) {
  // Behind a failure nothing is taken before a probe went well: a lane must have no hole on disk,
  // or a restart would tell the agent that more is held than is.
  if (!writable())
    for (Entry& entry : entries) entry.refused = true;
  Result<void> result;
  bool const anything = std::any_of(entries.begin(), entries.end(),
                                    [](Entry const& entry) { return !entry.refused; });
  if (anything) result = write(entries);
  for (Entry const& entry : entries) {
    if (entry.refused || !result) continue;
    Batch const& batch = *entry.item.batch;
    auto& mark = marks_[{batch.stream, batch.lane}];
    mark = std::max(mark, batch.sequence);
  }
  for (Entry& entry : entries) {
    if (!entry.item.done) continue;
    if (entry.refused)
      entry.item.done(refusal());
    else
      entry.item.done(result);
  }
}

// The frame as it goes into this file: as it came, or as a key frame made in `scratch`.
std::string const* LogWriter::logged_frame(LogItem const& item, std::string& scratch) {
  auto& sequences = bases_[{item.batch->stream, item.batch->lane}];
  auto const header = peek_frame(item.frame, CrcCheck::done);
  bool stands = header && !header->base;
  if (header && header->base) {
    auto const base = std::find(sequences.begin(), sequences.end(), *header->base);
    stands = base != sequences.end();
    // As the replay does: an agent's base never goes back behind one that was acknowledged.
    if (stands) sequences.erase(sequences.begin(), base);
  }
  if (sequences.size() >= remembered_bases) sequences.erase(sequences.begin());
  sequences.push_back(item.batch->sequence);
  if (stands) return &item.frame;
  scratch = encode_key_frame(*item.batch);
  return &scratch;
}

Result<void> LogWriter::write(std::span<Entry> entries) {
  std::uint64_t needed = 0;
  for (Entry const& entry : entries)
    if (!entry.refused) needed += record_size(entry.item.frame);
  auto ready = find_room(needed);
  if (ready && !file_) ready = open_file();
  if (!ready) {
    fail(ready.error(), false);
    return Error{Errc::unavailable, ready.error().os_error, ready.error().context};
  }
  buffer_.clear();
  if (buffer_.capacity() > kept_bytes) buffer_.shrink_to_fit();
  std::string scratch;
  std::uint64_t bytes = 0, batches = 0;
  WallTime last_tick = current_.last_tick;
  Result<void> result;
  auto const flush = [&] {
    if (result && !buffer_.empty()) result = file_->append(buffer_);
    bytes += buffer_.size();
    buffer_.clear();
  };
  for (Entry const& entry : entries) {
    if (entry.refused) continue;
    append_record(buffer_, *logged_frame(entry.item, scratch), current_.bytes);
    last_tick = std::max(last_tick, entry.item.batch->tick);
    ++batches;
    if (buffer_.size() >= write_bytes) flush();
  }
  flush();
  bool const written = result.has_value();
  if (written) {
    last_sync_ = clock_.monotonic();
    result = file_->sync();
  }
  if (!result) {
    fail(result.error(), written);
    return Error{Errc::unavailable, result.error().os_error, result.error().context};
  }
  current_.bytes += bytes;
  current_.last_tick = last_tick;
  std::lock_guard const lock(mutex_);
  ++counters_.syncs;
  counters_.batches += batches;
  counters_.bytes += bytes;
  counters_.file_bytes += bytes;
  return {};
}

// Whether so many bytes may be written and the reserve is still there.
Result<void> LogWriter::find_room(std::uint64_t bytes) const {
  auto const free = disk_.free_bytes(directory_);
  if (!free) return free.error();
  auto const kept = reserve_ + counters().file_bytes / 2;
  if (*free >= bytes + kept) return {};
  return Error{Errc::unavailable, ENOSPC,
               fmt::format("{}: {} KiB are free, of which {} KiB are kept for moving rows from "
                           "memory to disk",
                           directory_, *free >> 10, kept >> 10)};
}

Result<void> LogWriter::open_file() {
  current_ = LogFile{next_number_++, 0, WallTime::min()};
  bases_.clear();
  auto file = disk_.create(path(current_.number));
  if (!file) return file.error();
  file_ = std::move(*file);
  return disk_.sync_directory(directory_);
}

// Closes the file. cut: what was written behind the last sync is not to be found again, should
// the disk still obey; if it does not, a replay finds batches that were never acknowledged.
void LogWriter::finish_file(bool cut) {
  if (!file_) return;
  if (cut && !file_->truncate(current_.bytes))
    log_.warning("{}: its unacknowledged end cannot be cut off", path(current_.number));
  file_.reset();
  bases_.clear();
  if (current_.bytes == 0) {
    if (auto removed = disk_.remove(path(current_.number)); !removed)
      log_.warning("{}", to_string(removed.error()));
    return;
  }
  std::lock_guard const lock(mutex_);
  files_.push_back(current_);
}

void LogWriter::fail(Error const& error, bool syncing) {
  finish_file(true);
  next_probe_ = clock_.monotonic() + probe_every;
  std::lock_guard const lock(mutex_);
  ++(syncing ? counters_.sync_failures : counters_.write_failures);
  if (!failing_) log_.error("the log cannot be written: {}", to_string(error));
  failing_ = true;
  // What waits was promised nothing yet and may be behind what failed.
  for (Entry& entry : queue_) entry.refused = true;
}

void LogWriter::probe() {
  // A little more than needed, lest it fail again at once.
  Result<void> result = find_room(probe_bytes + reserve_ / 4);
  if (result && !file_) result = open_file();
  if (result) result = file_->append(std::string(probe_bytes, '\0'));
  if (result) result = file_->truncate(current_.bytes);
  if (result) result = file_->sync();
  if (!result) return fail(result.error(), false);
  log_.info("the log is written again");
  std::lock_guard const lock(mutex_);
  failing_ = false;
}

}  // namespace dadvisor::aggregator::store
