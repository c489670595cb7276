#include "aggregator/cli/text_lines.hpp"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

namespace dadvisor::aggregator::cli {
namespace {

constexpr std::size_t read_at_once = 1 << 20;
constexpr std::size_t longest_line = 64 << 10;

gzFile gz(void* file) { return static_cast<gzFile>(file); }

}  // namespace

void TextLines::Close::operator()(void* file) const { gzclose(static_cast<gzFile>(file)); }

Result<TextLines> TextLines::open(std::string const& path) {
  errno = 0;
  gzFile const file = path == "-" ? gzdopen(::dup(STDIN_FILENO), "rb") : gzopen(path.c_str(), "rb");
  if (file == nullptr) return os_error(errno != 0 ? errno : ENOMEM, path);
  gzbuffer(file, read_at_once);
  return TextLines(file);
}

// False: there is no more.
Result<bool> TextLines::fill() {
  if (ended_) return false;
  bytes_.erase(0, at_);
  at_ = 0;
  auto const before = bytes_.size();
  bytes_.resize(before + read_at_once);
  int const n = gzread(gz(file_.get()), bytes_.data() + before, read_at_once);
  bytes_.resize(before + static_cast<std::size_t>(std::max(n, 0)));
  int code = Z_OK;
  char const* const what = gzerror(gz(file_.get()), &code);
  if (n < 0 || code != Z_OK) return Error{Errc::io, 0, what};  // one that is cut off, too
  ended_ = n == 0;
  return !ended_;
}

Result<std::optional<std::string_view>> TextLines::next() {
  for (;;) {
    auto const end = bytes_.find('\n', at_);
    if (end != std::string::npos) {
      auto const line = std::string_view(bytes_).substr(at_, std::min(end - at_, longest_line));
      at_ = end + 1;
      return std::optional(line);
    }
    auto const more = fill();
    if (!more) return more.error();
    if (*more) continue;
    if (at_ == bytes_.size()) return std::optional<std::string_view>();
    auto const line = std::string_view(bytes_).substr(at_, longest_line);
    at_ = bytes_.size();
    return std::optional(line);
  }
}

}  // namespace dadvisor::aggregator::cli
