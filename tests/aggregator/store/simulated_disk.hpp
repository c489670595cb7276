#pragma once
// A disk in memory that knows what a power cut leaves: of a file what was synced, of a directory
// what was there at its last sync, and of the rest whatever the seed says. It can withhold syncs,
// fail, be full, and flip bits. Any thread.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/store/disk.hpp"

namespace dadvisor::aggregator::store {

class SimulatedDisk final : public Disk {
 public:
  static constexpr std::uint64_t unlimited = ~std::uint64_t{0};

  // While withheld, sync() of a file that was opened for writing blocks.
  void withhold_syncs(bool withhold) {
    std::lock_guard const lock(mutex_);
    withheld_ = withhold;
    released_.notify_all();
  }
  int waiting_syncs() const {
    std::lock_guard const lock(mutex_);
    return waiting_;
  }
  // Files whose paths end so are not made before they are withheld no more: "".
  void withhold_files(std::string end) {
    std::lock_guard const lock(mutex_);
    withheld_end_ = std::move(end);
    released_.notify_all();
  }
  int waiting_files() const {
    std::lock_guard const lock(mutex_);
    return waiting_files_;
  }
  int syncs() const {
    std::lock_guard const lock(mutex_);
    return syncs_;
  }
  void fail_syncs(int count) {
    std::lock_guard const lock(mutex_);
    failing_syncs_ = count;
  }
  // So many of the next writes, creations, renames, removals and syncs of directories fail.
  void fail_operations(int count) {
    std::lock_guard const lock(mutex_);
    failing_operations_ = count;
  }
  // So many operations fail, beginning with the next sync of a directory.
  void fail_from_directory_sync(int count) {
    std::lock_guard const lock(mutex_);
    failing_from_directory_sync_ = count;
  }
  // Bytes that all files together may hold; a write beyond it is torn and fails with ENOSPC.
  void set_capacity(std::uint64_t bytes) {
    std::lock_guard const lock(mutex_);
    capacity_ = bytes;
  }

  // Others take the room between the look at it and the write.
  void hide_fullness(bool hide) {
    std::lock_guard const lock(mutex_);
    hidden_ = hide;
  }

  // The machine stops: whoever has the disk open now can do nothing any more. power_cut: what was
  // not synced is dropped, cut, or torn in places; else (kill -9) everything is still there.
  void crash(std::mt19937_64& random, bool power_cut) {
    std::lock_guard const lock(mutex_);
    ++life_;
    withheld_ = false;
    withheld_end_.clear();
    failing_syncs_ = failing_operations_ = 0;
    released_.notify_all();
    if (!power_cut) return;
    for (auto& [directory, pending] : pending_) {  // a journal: a prefix of the changes survives
      auto const kept = random() % (pending.size() + 1);
      for (std::size_t i = 0; i < kept; ++i) pending[i].redo(durable_);
      pending.clear();
    }
    files_ = durable_;
    for (auto& [path, file] : files_) tear(*file, random);
  }
  // Must follow a crash, before the disk is used again.
  void restart() {
    std::lock_guard const lock(mutex_);
    open_life_ = life_;
  }

  std::vector<std::string> paths(std::string const& part) const {
    std::lock_guard const lock(mutex_);
    std::vector<std::string> found;
    for (auto const& [path, file] : files_)
      if (path.find(part) != std::string::npos) found.push_back(path);
    return found;
  }
  std::string& bytes(std::string const& path) { return files_.at(path)->bytes; }
  std::uint64_t used_bytes() const {
    std::lock_guard const lock(mutex_);
    return used();
  }

  Result<void> make_directory(std::string const&) override { return {}; }
  Result<std::vector<std::string>> list(std::string const& directory) override {
    std::lock_guard const lock(mutex_);
    std::vector<std::string> names;
    for (auto const& [path, file] : files_)
      if (parent(path) == directory) names.push_back(path.substr(directory.size() + 1));
    return names;
  }
  Result<std::unique_ptr<WritableFile>> create(std::string const& path) override {
    std::unique_lock lock(mutex_);
    ++waiting_files_;
    released_.wait(lock, [&] { return withheld_end_.empty() || !path.ends_with(withheld_end_); });
    --waiting_files_;
    if (auto fault = refused()) return *fault;
    auto file = std::make_shared<File>();
    change(path, {{}, path, file});
    return std::unique_ptr<WritableFile>(std::make_unique<Writable>(*this, file, life_));
  }
  Result<std::unique_ptr<ReadableFile>> open(std::string const& path) override {
    std::lock_guard const lock(mutex_);
    auto const found = files_.find(path);
    if (found == files_.end()) return Error{Errc::not_found, 0, path};
    return std::unique_ptr<ReadableFile>(std::make_unique<Readable>(*this, found->second));
  }
  Result<void> rename(std::string const& from, std::string const& to) override {
    std::lock_guard const lock(mutex_);
    if (auto fault = refused()) return *fault;
    if (!files_.contains(from)) return Error{Errc::not_found, 0, from};
    change(to, {from, to, files_[from]});
    return {};
  }
  Result<void> remove(std::string const& path) override {
    std::lock_guard const lock(mutex_);
    if (auto fault = refused()) return *fault;
    if (!files_.contains(path)) return Error{Errc::not_found, 0, path};
    change(path, {path, {}, nullptr});
    return {};
  }
  Result<void> sync_directory(std::string const& path) override {
    std::lock_guard const lock(mutex_);
    if (failing_from_directory_sync_ > 0)
      failing_operations_ = std::exchange(failing_from_directory_sync_, 0);
    if (auto fault = refused()) return *fault;
    for (Change& each : pending_[path]) each.redo(durable_);
    pending_[path].clear();
    return {};
  }
  Result<void> sync_file(std::string const& path) override {
    std::lock_guard const lock(mutex_);
    if (dead()) return gone();
    auto const found = files_.find(path);
    if (found == files_.end()) return Error{Errc::not_found, 0, path};
    found->second->synced = found->second->bytes;
    return {};
  }
  Result<std::uint64_t> free_bytes(std::string const&) override {
    std::lock_guard const lock(mutex_);
    return hidden_ ? unlimited : room();
  }

 private:
  struct File {
    std::string bytes, synced;
    bool lossy = false;  // a sync failed: what was written before is not durable by a later one
  };
  using Files = std::map<std::string, std::shared_ptr<File>>;
  struct Change {  // `from` goes, `to` is `file`
    std::string from, to;
    std::shared_ptr<File> file;
    void redo(Files& files) const {
      if (!from.empty()) files.erase(from);
      if (!to.empty()) files[to] = file;
    }
  };

  class Writable final : public WritableFile {
   public:
    Writable(SimulatedDisk& disk, std::shared_ptr<File> file, int life)
        : disk_(disk), file_(std::move(file)), life_(life) {}
    Result<void> append(std::string_view bytes) override {
      std::lock_guard const lock(disk_.mutex_);
      if (life_ != disk_.life_) return gone();
      if (auto fault = disk_.refused()) return *fault;
      auto const room = disk_.room();
      file_->bytes += bytes.substr(0, room);
      if (bytes.size() > room) return Error{Errc::unavailable, 28, "no space left"};
      return {};
    }
    Result<void> sync() override {
      std::unique_lock lock(disk_.mutex_);
      ++disk_.waiting_;
      disk_.released_.wait(lock, [&] { return !disk_.withheld_; });
      --disk_.waiting_;
      if (life_ != disk_.life_) return gone();
      if (disk_.failing_syncs_ > 0) {
        --disk_.failing_syncs_;
        file_->lossy = true;
        return Error{Errc::io, 5, "sync"};
      }
      ++disk_.syncs_;
      if (!file_->lossy) file_->synced = file_->bytes;
      return {};
    }
    Result<void> truncate(std::uint64_t size) override {
      std::lock_guard const lock(disk_.mutex_);
      if (life_ != disk_.life_) return gone();
      file_->bytes.resize(size);
      return {};
    }

   private:
    SimulatedDisk& disk_;
    std::shared_ptr<File> file_;
    int life_;
  };

  class Readable final : public ReadableFile {
   public:
    Readable(SimulatedDisk& disk, std::shared_ptr<File> file)
        : disk_(disk), file_(std::move(file)) {}
    std::uint64_t size() const override {
      std::lock_guard const lock(disk_.mutex_);
      return file_->bytes.size();
    }
    Result<std::string> read(std::uint64_t offset, std::size_t length) const override {
      std::lock_guard const lock(disk_.mutex_);
      if (offset >= file_->bytes.size()) return std::string();
      return file_->bytes.substr(offset, length);
    }

   private:
    SimulatedDisk& disk_;
    std::shared_ptr<File> file_;
  };

  static Error gone() { return Error{Errc::io, 0, "the machine has stopped"}; }
  static std::string parent(std::string const& path) { return path.substr(0, path.rfind('/')); }
  bool dead() const { return open_life_ != life_; }
  std::optional<Error> refused() {
    if (dead()) return gone();
    if (failing_operations_ == 0) return std::nullopt;
    --failing_operations_;
    return Error{Errc::io, 5, "operation"};
  }
  std::uint64_t room() const {
    if (capacity_ == unlimited) return unlimited;  // used() asks every file
    auto const its = used();
    return capacity_ > its ? capacity_ - its : 0;
  }
  std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (auto const& [path, file] : files_) sum += file->bytes.size();
    return sum;
  }
  void change(std::string const& path, Change each) {
    each.redo(files_);
    pending_[parent(path)].push_back(std::move(each));
  }
  static void tear(File& file, std::mt19937_64& random) {
    if (file.bytes == file.synced) return;
    switch (random() % 3) {
      case 0:
        file.bytes = file.synced;
        break;
      case 1:
        if (file.bytes.size() > file.synced.size())
          file.bytes.resize(file.synced.size() +
                            random() % (file.bytes.size() - file.synced.size() + 1));
        break;
      default:  // the length came to disk, some of the sectors did not
        for (std::size_t at = file.synced.size(); at < file.bytes.size(); ++at)
          if ((at / 512 * 2654435761u + random() % 2) % 3 == 0) file.bytes[at] = '\0';
    }
    file.synced = file.bytes;
  }

  mutable std::mutex mutex_;
  std::condition_variable released_;
  Files files_, durable_;
  std::map<std::string, std::vector<Change>> pending_;  // by directory, since its last sync
  std::uint64_t capacity_ = unlimited;
  int life_ = 0, open_life_ = 0;
  bool withheld_ = false, hidden_ = false;
  std::string withheld_end_;
  int waiting_ = 0, waiting_files_ = 0, syncs_ = 0, failing_syncs_ = 0, failing_operations_ = 0;
  int failing_from_directory_sync_ = 0;
};

}  // namespace dadvisor::aggregator::store
