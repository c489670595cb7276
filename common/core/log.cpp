#include "common/core/log.hpp"

#include <fmt/chrono.h>
#include <unistd.h>

#include <chrono>

namespace dadvisor {

namespace {

// The length of the valid UTF-8 sequence at the front of `text` (RFC 3629), or 0.
std::size_t utf8_length(std::string_view text) {
  auto const at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char const lead = at(0);
  std::size_t const length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && at(1) < 0xa0) return 0;
  if (lead == 0xed && at(1) > 0x9f) return 0;
  if (lead == 0xf0 && at(1) < 0x90) return 0;
  if (lead == 0xf4 && at(1) > 0x8f) return 0;
  return length;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "...";
    std::size_t const length = utf8_length(text);
    auto const byte = static_cast<unsigned char>(text[0]);
    // C1 control characters (U+0080..U+009F) are two bytes with the lead 0xc2.
    bool const c1 = length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (length == 0 || byte < 0x20 || byte == 0x7f || c1) {
      out += fmt::format("\\x{:02x}", byte);
      text.remove_prefix(1);
    } else {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return out;
}

void Log::write(LogLevel level, std::string const& text) const {
  if (level < least_) return;
  static constexpr char const* names[] = {"debug", "info", "warning", "error"};
  auto const now = std::chrono::system_clock::now();
  auto const ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  auto const line = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {}: {}\n",
                                fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms,
                                names[static_cast<int>(level)], component_, printable(text, 4096));
  [[maybe_unused]] auto const written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace dadvisor
