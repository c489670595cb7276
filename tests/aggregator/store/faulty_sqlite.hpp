#pragma once
// The catalogue's disk with faults: while one of these lives, SQLite's files are the real ones of a
// directory, but a sync or a write can be made to fail, the disk can be full, and a power cut
// leaves of each file what was synced and any of the later writes. One test at a time; any thread.

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace dadvisor::aggregator::store {

class FaultySqlite {
 public:
  // full(): whether nothing more may be written now; called on any thread.
  explicit FaultySqlite(std::function<bool()> full) : full_(std::move(full)) {
    real_ = sqlite3_vfs_find(nullptr);
    vfs_ = *real_;
    vfs_.zName = "faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(Handle)) + real_->szOsFile;
    vfs_.pAppData = this;
    vfs_.xOpen = [](sqlite3_vfs* vfs, char const* path, sqlite3_file* file, int flags, int* out) {
      return of(vfs).open(path, file, flags, out);
    };
    vfs_.xDelete = [](sqlite3_vfs* vfs, char const* path, int sync) {
      return of(vfs).dead_ ? SQLITE_IOERR_DELETE
                           : of(vfs).real_->xDelete(of(vfs).real_, path, sync);
    };
    vfs_.xAccess = [](sqlite3_vfs* vfs, char const* path, int flags, int* out) {
      return of(vfs).real_->xAccess(of(vfs).real_, path, flags, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* vfs, char const* path, int size, char* out) {
      return of(vfs).real_->xFullPathname(of(vfs).real_, path, size, out);
    };
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FaultySqlite() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
  }
  FaultySqlite(FaultySqlite const&) = delete;

  // So many of the next writes or syncs fail.
  void fail(int count) { failing_ = count; }
  // The machine stops: nothing can be done any more by whoever has files open.
  void stop() { dead_ = true; }
  // After stop(), when all have been closed. power_cut: else what was written is there.
  void restart(std::mt19937_64& random, bool power_cut) {
    std::lock_guard const lock(mutex_);
    for (auto& [path, file] : files_)
      if (power_cut && !file.writes.empty()) {
        std::string bytes = file.synced;
        for (auto const& [offset, data] : file.writes) {
          if (random() % 2 == 0) continue;
          if (bytes.size() < offset + data.size()) bytes.resize(offset + data.size());
          bytes.replace(offset, data.size(), data);
        }
        std::ofstream(path, std::ios::binary) << bytes;
      }
    files_.clear();
    failing_ = 0;
    dead_ = false;
  }

 private:
  struct File {
    std::string synced;
    std::vector<std::pair<std::size_t, std::string>> writes;  // since then
  };
  struct Handle {
    sqlite3_file base;
    FaultySqlite* owner;
    char const* path;  // SQLite keeps it as long as the file is open
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static FaultySqlite& of(sqlite3_vfs* vfs) { return *static_cast<FaultySqlite*>(vfs->pAppData); }
  static Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

  // In one call: the tests are not optimised, and a catalogue is synced thousands of times.
  static std::string read_all(char const* path) {
    std::error_code none;
    auto const size = std::filesystem::file_size(path, none);
    std::string bytes(none ? 0 : size, '\0');
    std::ifstream in(path, std::ios::binary);
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    return bytes;
  }
  bool fails() {
    if (failing_ <= 0) return false;
    --failing_;
    return true;
  }

  int open(char const* path, sqlite3_file* file, int flags, int* out) {
    Handle& handle = of(file);
    handle.base.pMethods = nullptr;
    handle.owner = this;
    handle.path = path;
    int const code = real_->xOpen(real_, path, handle.real(), flags, out);
    if (code != SQLITE_OK) return code;
    handle.base.pMethods = methods();
    if (path == nullptr) return SQLITE_OK;
    std::lock_guard const lock(mutex_);
    if (auto const [at, fresh] = files_.try_emplace(path); fresh)
      at->second.synced = read_all(path);
    return SQLITE_OK;
  }
  int write(Handle& handle, void const* data, int size, sqlite3_int64 offset) {
    if (dead_ || fails()) return SQLITE_IOERR_WRITE;
    if (full_()) return SQLITE_FULL;
    int const code = handle.real()->pMethods->xWrite(handle.real(), data, size, offset);
    if (code != SQLITE_OK || handle.path == nullptr) return code;
    std::lock_guard const lock(mutex_);
    files_[handle.path].writes.emplace_back(
        static_cast<std::size_t>(offset),
        std::string(static_cast<char const*>(data), static_cast<std::size_t>(size)));
    return SQLITE_OK;
  }
  int sync(Handle& handle) {
    if (dead_ || fails()) return SQLITE_IOERR_FSYNC;
    if (handle.path == nullptr) return SQLITE_OK;
    std::lock_guard const lock(mutex_);
    auto& file = files_[handle.path];
    file.synced = read_all(handle.path);
    file.writes.clear();
    return SQLITE_OK;
  }

  static sqlite3_io_methods const* methods() {
    // Version 1: no shared memory, which an exclusive lock does without.
    static sqlite3_io_methods const all = [] {
      sqlite3_io_methods m{};
      m.iVersion = 1;
      m.xClose = [](sqlite3_file* f) { return of(f).real()->pMethods->xClose(of(f).real()); };
      m.xRead = [](sqlite3_file* f, void* to, int size, sqlite3_int64 offset) {
        return of(f).real()->pMethods->xRead(of(f).real(), to, size, offset);
      };
      m.xWrite = [](sqlite3_file* f, void const* data, int size, sqlite3_int64 offset) {
        return of(f).owner->write(of(f), data, size, offset);
      };
      m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        return of(f).owner->dead_ ? SQLITE_IOERR_TRUNCATE
                                  : of(f).real()->pMethods->xTruncate(of(f).real(), size);
      };
      m.xSync = [](sqlite3_file* f, int) { return of(f).owner->sync(of(f)); };
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return of(f).real()->pMethods->xFileSize(of(f).real(), size);
      };
      m.xLock = [](sqlite3_file* f, int kind) {
        return of(f).real()->pMethods->xLock(of(f).real(), kind);
      };
      m.xUnlock = [](sqlite3_file* f, int kind) {
        return of(f).real()->pMethods->xUnlock(of(f).real(), kind);
      };
      m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return of(f).real()->pMethods->xCheckReservedLock(of(f).real(), out);
      };
      m.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
      m.xSectorSize = [](sqlite3_file*) { return 512; };
      m.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };
      return m;
    }();
    return &all;
  }

  std::function<bool()> const full_;
  sqlite3_vfs* real_ = nullptr;
  sqlite3_vfs vfs_{};
  std::atomic<int> failing_{0};
  std::atomic<bool> dead_{false};
  std::mutex mutex_;
  std::map<std::string, File> files_;
};

}  // namespace dadvisor::aggregator::store
