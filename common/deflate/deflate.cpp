#include "common/deflate/deflate.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace dadvisor::deflate {

struct Deflater::Work {
  isal_zstream stream;
  std::array<std::uint8_t, ISAL_DEF_LVL1_DEFAULT> scratch;
};

Deflater::Deflater(Wrapper wrapper) : work_(std::make_unique_for_overwrite<Work>()) {
  isal_zstream& stream = work_->stream;
  isal_deflate_init(&stream);
  stream.level = 1;  // no slower than level 0 and a fifth smaller; those above gain a hundredth
  stream.level_buf = work_->scratch.data();
  stream.level_buf_size = static_cast<std::uint32_t>(work_->scratch.size());
  stream.gzip_flag = wrapper == Wrapper::zlib ? IGZIP_ZLIB : IGZIP_GZIP;
}

Deflater::~Deflater() = default;

void Deflater::add(std::string_view piece) { run(piece, false); }

std::string Deflater::finish() {
  run({}, true);
  out_.resize(size_);
  return std::move(out_);
}

void Deflater::run(std::string_view piece, bool last) {
  constexpr std::size_t most_at_once = 1 << 30, least_room = 16 << 10;
  isal_zstream& stream = work_->stream;
  do {
    auto const now = piece.substr(0, most_at_once);
    piece.remove_prefix(now.size());
    stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(now.data()));
    stream.avail_in = static_cast<std::uint32_t>(now.size());
    stream.end_of_stream = last ? 1 : 0;
    do {
      if (out_.size() - size_ < least_room) out_.resize(std::max(2 * out_.size(), 2 * least_room));
      auto const room = std::min(out_.size() - size_, most_at_once);
      stream.next_out = reinterpret_cast<std::uint8_t*>(out_.data() + size_);
      stream.avail_out = static_cast<std::uint32_t>(room);
      if (isal_deflate(&stream) != COMP_OK) throw std::logic_error("igzip refuses its parameters");
      size_ += room - stream.avail_out;
    } while (stream.avail_out == 0 || (last && stream.internal_state.state != ZSTATE_END));
  } while (!piece.empty());
}

std::optional<std::string> gzip(std::string_view bytes) {
  Deflater deflater(Wrapper::gzip);
  deflater.add(bytes);
  auto packed = deflater.finish();
  if (packed.size() >= bytes.size()) return std::nullopt;
  return packed;
}

}  // namespace dadvisor::deflate
