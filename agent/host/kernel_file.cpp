#include "agent/host/kernel_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace dadvisor::agent {

namespace {
constexpr std::size_t largest = 4 << 20;
}

Result<std::string_view> read_from_start(Fd const& fd, ReadBuffer& buffer, Records records) {
  auto& bytes = buffer.bytes();
  std::size_t used = 0;
  for (;;) {
    if (used == bytes.size()) {
      if (bytes.size() >= largest) return Error{Errc::too_large, 0, "kernel file over 4 MiB"};
      bytes.resize(bytes.size() * 2);
      // A file of one record is made anew by each read from 0, and is whole only within one read.
      if (records == Records::one) used = 0;
    }
    ssize_t const n =
        ::pread(fd.get(), bytes.data() + used, bytes.size() - used, static_cast<off_t>(used));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_error(errno, "read");
    used += static_cast<std::size_t>(n);
    if (n == 0 || (records == Records::one && used < bytes.size()))
      return std::string_view(bytes.data(), used);
  }
}

Result<std::string_view> read_once(std::string const& path, ReadBuffer& buffer, Records records) {
  auto fd = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!fd) return fd.error();
  auto text = read_from_start(*fd, buffer, records);
  if (!text) return text.error().within(path);
  return text;
}

Result<KernelFile> KernelFile::open(std::string const& path, Records records) {
  return of(open_file(path, O_RDONLY | O_NONBLOCK), records);
}

Result<KernelFile> KernelFile::open_at(Fd const& directory, char const* name, Records records) {
  return of(dadvisor::open_at(directory, name, O_RDONLY | O_NONBLOCK), records);
}

Result<KernelFile> KernelFile::of(Result<Fd> opened, Records records) {
  KernelFile file;
  file.records_ = records;
  if (opened) {
    file.fd_ = std::move(*opened);
    return file;
  }
  switch (opened.error().code) {
    case Errc::not_found:
    case Errc::denied:
    case Errc::unsupported:
      return file;
    default:
      return opened.error();
  }
}

Result<std::string_view> KernelFile::read(ReadBuffer& buffer) {
  if (!fd_) return std::string_view();
  auto text = read_from_start(fd_, buffer, records_);
  if (text || text.error().code == Errc::gone) return text;
  fd_.reset();
  return std::string_view();
}

}  // namespace dadvisor::agent
