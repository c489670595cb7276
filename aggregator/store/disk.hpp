#pragma once
// The store's only way to files (the catalogue aside: SQLite keeps its own): a seam, so that tests
// can withhold syncs, drop what was not synced and fill the disk.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"

namespace dadvisor::aggregator::store {

// A file that is written at its end. One thread at a time.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual Result<void> append(std::string_view bytes) = 0;
  virtual Result<void> sync() = 0;  // fdatasync(2); after an error the file is finished
  virtual Result<void> truncate(std::uint64_t size) = 0;
};

// A file that is read at any place. Any thread.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual std::uint64_t size() const = 0;
  // Fewer bytes than asked only at the end of the file.
  virtual Result<std::string> read(std::uint64_t offset, std::size_t length) const = 0;
  // The same into memory that is there; how many bytes it were.
  virtual Result<std::size_t> read_into(std::uint64_t offset, std::span<char> into) const {
    auto const bytes = read(offset, into.size());
    if (!bytes) return bytes.error();
    std::ranges::copy(*bytes, into.begin());
    return bytes->size();
  }
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<void> make_directory(std::string const& path) = 0;  // well if it is there
  virtual Result<std::vector<std::string>> list(std::string const& directory) = 0;  // names, sorted
  // An empty file, also in place of one that is there.
  virtual Result<std::unique_ptr<WritableFile>> create(std::string const& path) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> open(std::string const& path) = 0;
  virtual Result<void> rename(std::string const& from, std::string const& to) = 0;
  virtual Result<void> remove(std::string const& path) = 0;
  virtual Result<void> sync_directory(std::string const& path) = 0;
  // fdatasync(2) of a file that an earlier run wrote: what it left in the page cache may be read,
  // but must not be taken for durable before.
  virtual Result<void> sync_file(std::string const& path) = 0;
  // That may still be written to the file system of `directory` by an ordinary user.
  virtual Result<std::uint64_t> free_bytes(std::string const& directory) = 0;
};

}  // namespace dadvisor::aggregator::store
