#pragma once
// The files that reads of entity after entity go over, and what was read of each. For one piece of
// work, on one thread, over raw rows or one tier.

#include <memory>
#include <span>
#include <vector>

#include "aggregator/store/spill_file.hpp"

namespace dadvisor::aggregator::store {

class SpillReads {
 public:
  using File = std::shared_ptr<SpillFile const>;

  // `most_bytes` of groups are kept, of all files together.
  explicit SpillReads(std::size_t most_bytes = 64 << 20) : most_bytes_(most_bytes) {}

  // Those of `all` that have rows in [from, until] are read from now on. Mostly they are the same
  // as for the entity before, and what is known of them stays.
  void use(std::span<File const> all, TickNs from, TickNs until);
  // Appends the entity's rows in all of them, those of the first file first; damaged(error) for
  // each file that could not be read as a whole.
  template <typename Damaged>
  void select(EntityId entity, Selection const& selection, TickNs from, TickNs until,
              SelectedRows& rows, Damaged const& damaged) {
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (auto read = files_[i]->select(entity, selection, from, until, rows, cursors_[i]); !read)
        damaged(read.error());
  }

 private:
  std::size_t most_bytes_;
  std::vector<File> files_;
  std::vector<SpillCursor> cursors_;  // of each
};

}  // namespace dadvisor::aggregator::store
