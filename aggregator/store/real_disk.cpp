#include "aggregator/store/real_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "common/core/fd.hpp"

namespace dadvisor::aggregator::store {
namespace {

class PosixWritable final : public WritableFile {
 public:
  PosixWritable(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Result<void> append(std::string_view bytes) override {
    if (auto written = write_all(fd_, bytes); !written) return written.error().within(path_);
    return {};
  }
  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return os_error(errno, path_);
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    auto const end = static_cast<off_t>(size);
    if (::ftruncate(fd_.get(), end) != 0 || ::lseek(fd_.get(), end, SEEK_SET) != end)
      return os_error(errno, path_);
    return {};
  }

 private:
  Fd fd_;
  std::string path_;
};

class PosixReadable final : public ReadableFile {
 public:
  PosixReadable(Fd fd, std::string path, std::uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  Result<std::string> read(std::uint64_t offset, std::size_t length) const override {
    std::string bytes(length, '\0');
    auto const done = read_into(offset, bytes);
    if (!done) return done.error();
    bytes.resize(*done);
    return bytes;
  }
  Result<std::size_t> read_into(std::uint64_t offset, std::span<char> into) const override {
    std::size_t done = 0;
    while (done < into.size()) {
      ssize_t const n = ::pread(fd_.get(), into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_error(errno, path_);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

 private:
  Fd fd_;
  std::string path_;
  std::uint64_t size_;
};

}  // namespace

Result<void> RealDisk::make_directory(std::string const& path) {
  if (::mkdir(path.c_str(), 0750) == 0) return {};
  int const error = errno;
  struct stat status {};
  if (error == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return os_error(error, path);
}

Result<std::vector<std::string>> RealDisk::list(std::string const& directory) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
    names.push_back(entry->path().filename().string());
  if (error) return os_error(error.value(), directory);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<WritableFile>> RealDisk::create(std::string const& path) {
  auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!fd) return fd.error();
  return std::unique_ptr<WritableFile>(std::make_unique<PosixWritable>(std::move(*fd), path));
}

Result<std::unique_ptr<ReadableFile>> RealDisk::open(std::string const& path) {
  auto fd = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return fd.error();
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) return os_error(errno, path);
  return std::unique_ptr<ReadableFile>(std::make_unique<PosixReadable>(
      std::move(*fd), path, static_cast<std::uint64_t>(status.st_size)));
}

Result<void> RealDisk::rename(std::string const& from, std::string const& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return os_error(errno, from + " to " + to);
  return {};
}

Result<void> RealDisk::remove(std::string const& path) {
  if (::unlink(path.c_str()) != 0) return os_error(errno, path);
  return {};
}

Result<void> RealDisk::sync_directory(std::string const& path) {
  auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return fd.error();
  if (::fsync(fd->get()) != 0) return os_error(errno, path);
  return {};
}

Result<void> RealDisk::sync_file(std::string const& path) {
  auto fd = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return fd.error();
  if (::fdatasync(fd->get()) != 0) return os_error(errno, path);
  return {};
}

Result<std::uint64_t> RealDisk::free_bytes(std::string const& directory) {
  struct statvfs status {};
  if (::statvfs(directory.c_str(), &status) != 0) return os_error(errno, directory);
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace dadvisor::aggregator::store
