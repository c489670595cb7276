#include "scratch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "must.hpp"

namespace dadvisor::fuzz {
namespace {

namespace files = std::filesystem;

}  // namespace

Scratch::Scratch() {
  path_ = files::exists("/dev/shm") ? "/dev/shm/fuzz-XXXXXX" : "/tmp/fuzz-XXXXXX";
  must(::mkdtemp(path_.data()) != nullptr, "a directory can be made");
}

Scratch::~Scratch() {
  std::error_code ignored;
  files::remove_all(path_, ignored);
}

void Scratch::put(std::string const& below, std::string_view bytes) const {
  auto const path = path_ + "/" + below;
  auto const open = [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600); };
  int fd = open();
  if (fd < 0 && errno == ENOENT) {
    files::create_directories(files::path(path).parent_path());
    fd = open();
  }
  must(fd >= 0, "a file can be made");
  must(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
       "a file can be written");
  ::close(fd);
}

void Scratch::clear(std::string const& below) const {
  std::error_code ignored;
  if (!below.empty()) {
    files::remove_all(path_ + "/" + below, ignored);
    return;
  }
  for (auto const& entry : files::directory_iterator(path_, ignored))
    files::remove_all(entry.path(), ignored);
}

}  // namespace dadvisor::fuzz
