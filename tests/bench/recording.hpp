#pragma once
// What one real host's agent sent, tick after tick: "dARecor1", then of each tick u32 size and a
// frame, the first a key frame and each other one against the one before. Read and made by the
// benchmarks. Const after its making, then any thread.

#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::bench {

class Recording {
 public:
  // Errors: malformed; what open(2) says.
  static Result<Recording> load(std::string const& path);
  // Of ticks one behind the other; lane and stream of all become the first one's.
  explicit Recording(std::vector<Batch> ticks);

  std::vector<Batch> const& ticks() const { return ticks_; }
  std::string bytes() const;

 private:
  std::vector<Batch> ticks_;
};

}  // namespace dadvisor::bench
