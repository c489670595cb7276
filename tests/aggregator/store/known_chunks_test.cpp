#include "aggregator/store/known_chunks.hpp"

#include <catch2/catch.hpp>

namespace dadvisor::aggregator::store {
namespace {

KnownChunks::Chunk chunk_of(std::size_t bytes) {
  auto chunk = std::make_shared<ReadChunk>();
  chunk->memory.of(bytes - sizeof *chunk);
  return chunk;
}

}  // namespace

TEST_CASE("a chunk that was read is known by its file and place, and each file has a number") {
  KnownChunks known(1000);
  auto const a = known.new_file(), b = known.new_file();
  CHECK(a != b);
  auto const chunk = chunk_of(100);
  known.keep(a, 8, chunk);
  CHECK(known.find(a, 8) == chunk);
  CHECK(known.find(b, 8) == nullptr);
  CHECK(known.find(a, 9) == nullptr);
}

TEST_CASE("of known chunks those that were not asked for lately are forgotten") {
  KnownChunks known(1000);
  auto const file = known.new_file();
  for (std::uint64_t i = 0; i < 5; ++i) known.keep(file, i, chunk_of(100));  // a half
  for (std::uint64_t i = 5; i < 8; ++i) {
    known.keep(file, i, chunk_of(100));
    CHECK(known.find(file, 0) != nullptr);  // this one is always asked for
  }
  // 5, 0, 6 and 7 stand in the new half: one more of it, and with the next the old one goes.
  known.keep(file, 8, chunk_of(100));
  known.keep(file, 9, chunk_of(100));
  CHECK(known.find(file, 1) == nullptr);
  CHECK(known.find(file, 0) != nullptr);
  CHECK(known.find(file, 9) != nullptr);
}

TEST_CASE("a chunk that is an eighth of all that may be kept is not kept") {
  KnownChunks known(1000);
  auto const file = known.new_file();
  known.keep(file, 1, chunk_of(125));
  known.keep(file, 2, chunk_of(126));
  CHECK(known.find(file, 1) != nullptr);
  CHECK(known.find(file, 2) == nullptr);
}

}  // namespace dadvisor::aggregator::store
