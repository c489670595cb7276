#pragma once
// Log lines to stderr: "2026-11-22T23:41:14.123Z level component: text". Control bytes in what
// came from outside are escaped, so that no name can forge a line. Any thread; a line is written
// by one write(2).

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace dadvisor {

enum class LogLevel { debug, info, warning, error, none };

// `text` with every control byte, DEL and invalid UTF-8 byte as \xNN, cut at `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 1024);

class Log {
 public:
  explicit Log(std::string component, LogLevel least = LogLevel::info)
      : component_(std::move(component)), least_(least) {}
  // The same threshold under another component's name.
  Log named(std::string component) const { return Log(std::move(component), least_); }

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    if (least_ <= LogLevel::debug)
      write(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (least_ <= LogLevel::info)
      write(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::warning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  void write(LogLevel level, std::string const& text) const;
  std::string component_;
  LogLevel least_;
};

}  // namespace dadvisor
