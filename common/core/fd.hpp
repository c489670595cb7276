#pragma once
// Owner of one file descriptor: closes it when it goes, also when it is assigned over.
// Not thread-safe; the owner's thread owns it.

#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  Fd(Fd const&) = delete;
  Fd& operator=(Fd const&) = delete;
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept;
  void reset() noexcept;

 private:
  int fd_ = -1;
};

// open(2) / openat(2) with O_CLOEXEC added. The error's context names the path.
Result<Fd> open_file(std::string const& path, int flags, unsigned mode = 0640);
Result<Fd> open_at(Fd const& directory, std::string const& path, int flags, unsigned mode = 0640);

// A whole small file; too_large beyond `limit` bytes. For files of /proc and configuration.
Result<std::string> read_file(std::string const& path, std::size_t limit = 16 << 20);

// Writes all of `bytes`, through EINTR and short writes.
Result<void> write_all(Fd const& fd, std::string_view bytes);

// Replaces `path` by `bytes`, so that a crash leaves the old file or the new one, whole: writes
// beside it, syncs, renames, syncs the directory.
Result<void> replace_file(std::string const& path, std::string_view bytes);

}  // namespace dadvisor
