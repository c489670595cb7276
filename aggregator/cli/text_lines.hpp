#pragma once
// The lines of a text file, compressed by gzip or not, one by one. One thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/core/result.hpp"

namespace dadvisor::aggregator::cli {

class TextLines {
 public:
  // "-" is standard input. Errors: io, not_found.
  static Result<TextLines> open(std::string const& path);

  // Without its line feed, valid until the next call; nothing: there is none any more. A line of
  // more than 64 KiB comes cut off to that. Errors: io (a damaged archive too).
  Result<std::optional<std::string_view>> next();

 private:
  struct Close {
    void operator()(void* file) const;
  };
  explicit TextLines(void* file) : file_(file) {}
  Result<bool> fill();

  std::unique_ptr<void, Close> file_;  // a gzFile
  std::string bytes_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace dadvisor::aggregator::cli
