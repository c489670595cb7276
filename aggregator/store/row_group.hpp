#pragma once
// The rows of some neighbouring entities in a file, column by column across all of them, so that
// whoever asks for few columns of many entities reads and checks these alone. Layout: FORMAT.md.
//
// A group is made of blocks, each with up to block_rows rows of one entity. What the blocks have of
// one column is a chunk; behind the chunks stands the directory: whose rows and of which ticks the
// blocks are, and where each column's chunk is. Not thread-safe.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/store/chunk_compression.hpp"
#include "aggregator/store/encoded_column.hpp"
#include "aggregator/store/row_ticks.hpp"
#include "aggregator/store/store.hpp"
#include "common/core/result.hpp"

namespace dadvisor::aggregator::store {

// At most this many rows stand in one block of a file: two hours of ten seconds.
inline constexpr std::size_t block_rows = 720;

class RowGroupWriter {
 public:
  // Appends rows [first, last), not none and at most block_rows; entities ascend.
  void add(EntityId entity, Rows const& rows, std::size_t first, std::size_t last);
  void add(EntityId entity, ColumnTable const& rows, std::size_t first, std::size_t last);
  bool empty() const { return blocks_ == 0; }
  bool full() const;
  // Appends the chunks, then the directory, each with its CRC behind it, and begins anew. Returns
  // the length of the chunks with their CRCs; the directory's is the rest. `compressor`: null, or
  // what makes chunks smaller.
  std::size_t finish(std::string& out, ChunkCompressor* compressor = nullptr);

 private:
  struct Chunk {
    std::string bytes;
    std::size_t blocks = 0;  // that it tells of
  };
  template <typename Table>
  void add_block(EntityId entity, std::span<TickNs const> ticks, Table const& table,
                 std::size_t first, std::size_t last);

  ColumnEncoder encoder_;
  std::map<MetricId, Chunk> chunks_;
  std::string blocks_bytes_, payload_;
  std::vector<TickNs> last_ticks_;
  EntityId last_entity_ = 0;
  std::size_t blocks_ = 0, bytes_ = 0;
};

// What a directory says. Small, for those of thousands of groups are kept: a tenth of a group's
// chunk of a counter.
class RowGroup {
 public:
  struct Block {
    EntityId entity = 0;
    std::uint32_t place = 0;  // among the blocks
    std::uint32_t ticks = 0;  // whose it has, of ticks_
    std::uint32_t rows = 0;
  };
  struct Chunk {
    std::uint64_t offset = 0;  // from the group's begin
    std::uint32_t length = 0;  // without its CRC
    std::uint32_t whole = 0;   // its length when decompressed; 0: it is not compressed
    MetricId id = 0;
  };

  // Reads a directory whose chunks take `chunk_bytes`. Errors: malformed.
  static Result<RowGroup> read(std::string_view directory, std::uint64_t chunk_bytes);

  std::span<Block const> blocks() const { return blocks_; }  // by entity ascending
  std::span<Block const> blocks_of(EntityId entity) const;
  RowTicks const& ticks(Block const& block) const { return ticks_[block.ticks]; }
  std::span<Chunk const> chunks() const { return chunks_; }  // by id ascending
  // What a chunk says of each block, whose payload is null where it lacks the column; these point
  // into its bytes. Errors: malformed.
  Result<std::vector<EncodedColumn>> columns(std::string_view chunk) const;
  // What this takes in memory.
  std::size_t bytes() const;

 private:
  std::vector<Block> blocks_;
  std::vector<RowTicks> ticks_;
  std::vector<Chunk> chunks_;
};

}  // namespace dadvisor::aggregator::store
