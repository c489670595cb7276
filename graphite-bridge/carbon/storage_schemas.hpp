#pragma once
// storage-schemas.conf: how finely and how long a path's points are kept. The first section whose
// pattern is found in the path counts; without one it is carbon's default, 60s:7d. Immutable; any
// thread. Semantics of carbon's storage.py and of whisper's validateArchiveList.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.hpp"
#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite {

struct Archive {
  std::int64_t step = 60;  // seconds a point
  std::int64_t points = 60 * 24 * 7;
  std::int64_t retention() const { return step * points; }  // seconds
  bool operator==(Archive const&) const = default;
};
using Archives = std::vector<Archive>;  // finest first; never empty

// "10s:6h,1m:7d": units s m h d w y; "N:M" is M points of N seconds. Errc::malformed: it is not
// that, or the archives do not fit together.
Result<Archives> parse_retentions(std::string_view text);

class StorageSchemas {
 public:
  StorageSchemas() = default;  // carbon's default alone
  Archives const& archives(std::string_view path) const;

 private:
  struct Entry {
    Regex pattern;
    Archives archives;
  };
  friend struct LoadedSchemas parse_storage_schemas(std::string_view, std::string const&);
  std::vector<Entry> entries_;
  Archives default_{Archive{}};
};

struct LoadedSchemas {
  StorageSchemas schemas;
  std::vector<std::string> errors;  // "FILE:LINE: what is wrong; what to do"
};
// carbon leaves out a section that is wrong and goes on, so that its metrics fall to the next one;
// here every slip is an error.
LoadedSchemas parse_storage_schemas(std::string_view text, std::string const& file);

}  // namespace dadvisor::graphite
