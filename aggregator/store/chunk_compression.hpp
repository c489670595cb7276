#pragma once
// Chunks of cold files, smaller by zstd (RFC 8878). Not thread-safe: each side keeps what the
// library works with from one chunk to the next.

#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace dadvisor::aggregator::store {

class ChunkCompressor {
 public:
  // Appends a chunk's frame to `out`; false, and nothing, where it would not be smaller by
  // a sixteenth: whoever reads it pays too.
  bool compress(std::string_view chunk, std::string& out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

class ChunkDecompressor {
 public:
  // Whether `frame` is one that holds as many bytes as there is room for; they are in it then.
  bool decompress(std::string_view frame, std::span<char> out);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

}  // namespace dadvisor::aggregator::store
