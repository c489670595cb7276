#include "common/core/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace dadvisor {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() noexcept { return std::exchange(fd_, -1); }

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Fd> open_file(std::string const& path, int flags, unsigned mode) {
  int const fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return os_error(errno, path);
  return Fd(fd);
}

Result<Fd> open_at(Fd const& directory, std::string const& path, int flags, unsigned mode) {
  int const fd = ::openat(directory.get(), path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return os_error(errno, path);
  return Fd(fd);
}

Result<std::string> read_file(std::string const& path, std::size_t limit) {
  auto fd = open_file(path, O_RDONLY);
  if (!fd) return fd.error();
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    ssize_t const n = ::read(fd->get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error(errno, path);
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > limit)
      return Error{Errc::too_large, 0, path + ": more than " + std::to_string(limit) + " bytes"};
  }
}

Result<void> write_all(Fd const& fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t const n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error(errno, "write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> replace_file(std::string const& path, std::string_view bytes) {
  std::string const beside = path + ".new";
  {
    auto fd = open_file(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!fd) return fd.error();
    if (auto written = write_all(*fd, bytes); !written) return written.error().within(beside);
    if (::fsync(fd->get()) != 0) return os_error(errno, beside);
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) return os_error(errno, path);
  auto parent = std::filesystem::path(path).parent_path().string();
  auto directory = open_file(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  if (::fsync(directory->get()) != 0) return os_error(errno, parent);
  return {};
}

}  // namespace dadvisor
