#pragma once
// The tokens that hosts have of their own, of which the aggregator keeps hashes alone: whoever
// reads its file can speak for nobody. A line a token, "HOST SHA256", the hash of the token's bytes
// in hex; a host may have several, so that one is changed without a gap. Blank lines and what
// follows '#' at a line's begin are skipped. Owned by the loop's thread.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/core/result.hpp"
#include "common/core/watched_files.hpp"

namespace dadvisor::aggregator::ingest {

using TokenHash = std::array<unsigned char, 32>;
TokenHash hash_of(std::string_view token);

// A new token of a host, and the line of the file that belongs to it: 256 random bits each.
struct NewToken {
  std::string token;
  std::string line;  // "HOST SHA256"
};
// Errors: malformed (an agent id of 1 to 255 bytes without blanks and control bytes is wanted); io
// (no random bits).
Result<NewToken> make_host_token(std::string_view host);

struct HostTokenCounts {
  std::uint64_t tokens = 0;
  std::uint64_t reloads = 0;          // of a changed file
  std::uint64_t refused_reloads = 0;  // with something wrong in it: the old one stayed
};

class HostTokens {
 public:
  // Errors name file, line and remedy: denied (others may write the file or the world read it),
  // malformed, and what open(2) says.
  static Result<std::unique_ptr<HostTokens>> open(std::string path, Log log);

  // Looks, at most every 2 s, whether the file has changed, and takes it; with something wrong in
  // it the old one stays, logged and counted.
  void look(MonotonicTime now);
  // Whose token it is.
  std::optional<std::string> host_of(std::string_view token) const;
  HostTokenCounts counts() const;

 private:
  struct Entry {
    TokenHash hash;
    std::string host;
  };
  // By the first eight bytes of the hash, which tell nothing of the token; the rest is compared in
  // a time that does not depend on it.
  using Table = std::unordered_multimap<std::uint64_t, Entry>;

  HostTokens(std::string path, Log log)
      : path_(std::move(path)), log_(std::move(log)), file_({path_}) {}
  static Result<Table> load(std::string const& path);

  std::string path_;
  Log log_;
  WatchedFiles file_;
  Table table_;
  HostTokenCounts counts_;
};

}  // namespace dadvisor::aggregator::ingest
