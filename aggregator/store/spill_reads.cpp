#include "aggregator/store/spill_reads.hpp"

#include <algorithm>

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t most_of_one = 16 << 20;  // bytes of groups that are kept of one file

}  // namespace

void SpillReads::use(std::span<File const> all, TickNs from, TickNs until) {
  std::size_t same = 0;
  bool others = false;
  for (File const& file : all) {
    if (!file->overlaps(from, until)) continue;
    others = others || same == files_.size() || files_[same] != file;
    if (others) break;
    ++same;
  }
  if (!others && same == files_.size()) return;
  files_.clear();
  cursors_.clear();
  std::ranges::copy_if(all, std::back_inserter(files_),
                       [&](File const& file) { return file->overlaps(from, until); });
  auto const each = std::min(most_bytes_ / std::max<std::size_t>(1, files_.size()), most_of_one);
  for (std::size_t i = 0; i < files_.size(); ++i) cursors_.emplace_back(each);
}

}  // namespace dadvisor::aggregator::store
