#include "aggregator/store/column_scan.hpp"

#include <algorithm>

namespace dadvisor::aggregator::store {

void ColumnScan::use_files(std::span<File const> all, TickNs from, TickNs until) {
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
  pages_.clear();
  std::ranges::copy_if(all, std::back_inserter(files_),
                       [&](File const& file) { return file->overlaps(from, until); });
  pages_.resize(files_.size());
}

}  // namespace dadvisor::aggregator::store
