#include "aggregator/store/chunk_compression.hpp"

#include <zstd.h>

namespace dadvisor::aggregator::store {
namespace {

constexpr int level = 3;
constexpr std::size_t least_bytes = 64;  // below, a frame's head takes what is won

}  // namespace

void ChunkCompressor::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }
void ChunkDecompressor::Free::operator()(ZSTD_DCtx_s* context) const { ZSTD_freeDCtx(context); }

bool ChunkCompressor::compress(std::string_view chunk, std::string& out) {
  if (chunk.size() < least_bytes) return false;
  if (!context_) context_.reset(ZSTD_createCCtx());
  if (!context_) return false;
  auto const before = out.size(), room = chunk.size() - chunk.size() / 16;
  out.resize(before + room);
  auto const size = ZSTD_compressCCtx(context_.get(), out.data() + before, room, chunk.data(),
                                      chunk.size(), level);
  bool const smaller = ZSTD_isError(size) == 0;  // else the room is too small
  out.resize(smaller ? before + size : before);
  return smaller;
}

bool ChunkDecompressor::decompress(std::string_view frame, std::span<char> out) {
  if (!context_) context_.reset(ZSTD_createDCtx());
  if (!context_) return false;
  auto const size =
      ZSTD_decompressDCtx(context_.get(), out.data(), out.size(), frame.data(), frame.size());
  return ZSTD_isError(size) == 0 && size == out.size();
}

}  // namespace dadvisor::aggregator::store
