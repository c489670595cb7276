#pragma once
// A file of /proc, /sys or a cgroup, kept open and read anew with pread(2) at each tick: a third
// of the cost of open + read + close. A kept file goes with its object: after the cgroup or the
// process has ended, reads say Errc::gone and never show a namesake.
// Not thread-safe; the sampler's thread owns files and buffer.

#include <string>
#include <string_view>
#include <vector>

#include "common/core/fd.hpp"
#include "common/core/result.hpp"

namespace dadvisor::agent {

// Where texts are read into; grows to the longest file seen and is used over and over, so that
// reading allocates nothing. A text lives until the next read into the same buffer.
class ReadBuffer {
 public:
  ReadBuffer() : bytes_(16384) {}
  std::vector<char>& bytes() { return bytes_; }

 private:
  std::vector<char> bytes_;
};

// Most kernel files come whole by one read; those made of many records (net/dev, diskstats,
// vmstat, cgroup.procs) come in pages and need reads until the end.
enum class Records { one, many };

// The text that `fd` shows now, from its start. Errors: gone (ENODEV, ESRCH), unsupported (PSI
// switched off), too_large beyond 4 MiB.
Result<std::string_view> read_from_start(Fd const& fd, ReadBuffer& buffer,
                                         Records records = Records::one);

// Opens, reads, closes: for what must not be kept open, and for the slow pace.
Result<std::string_view> read_once(std::string const& path, ReadBuffer& buffer,
                                   Records records = Records::one);

class KernelFile {
 public:
  // A file that this kernel does not have.
  KernelFile() = default;
  // Absent (not found, no right, not supported) is no error: the file then reads as empty.
  // Errors: whatever else stops open(2), such as too many open files.
  static Result<KernelFile> open(std::string const& path, Records records = Records::one);
  // One in a directory that is held.
  static Result<KernelFile> open_at(Fd const& directory, char const* name,
                                    Records records = Records::one);

  explicit operator bool() const { return static_cast<bool>(fd_); }
  // The text now; empty when absent. Only Errc::gone is an error: what cannot be read for another
  // reason is closed and absent from then on.
  Result<std::string_view> read(ReadBuffer& buffer);

 private:
  static Result<KernelFile> of(Result<Fd> opened, Records records);
  Fd fd_;
  Records records_ = Records::one;
};

}  // namespace dadvisor::agent
