#include "tests/bench/recording.hpp"

#include "common/core/fd.hpp"
#include "common/core/frame/bytes.hpp"
#include "common/core/frame/frame.hpp"

namespace dadvisor::bench {
namespace {

constexpr std::string_view recording_magic = "dARecor1";
constexpr std::size_t most_recording_bytes = 64 << 20;

}  // namespace

Recording::Recording(std::vector<Batch> ticks) : ticks_(std::move(ticks)) {
  std::uint64_t sequence = 0;
  for (Batch& tick : ticks_) {
    tick.stream = ticks_.front().stream;
    tick.lane = Lane::fresh;
    tick.sequence = ++sequence;
  }
}

Result<Recording> Recording::load(std::string const& path) {
  auto const file = read_file(path, most_recording_bytes);
  if (!file) return file.error();
  Error const damaged{Errc::malformed, 0, path + ": no recording, or a damaged one"};
  ByteReader reader(*file);
  if (reader.raw(recording_magic.size()) != recording_magic) return damaged;
  std::vector<Batch> ticks;
  while (reader.left() > 0) {
    auto const size = reader.u32();
    auto const frame = reader.raw(size);
    if (!reader.ok()) return damaged;
    auto tick = decode_frame(frame, ticks.empty() ? nullptr : &ticks.back());
    if (!tick) return tick.error();
    ticks.push_back(std::move(*tick));
  }
  if (ticks.empty()) return damaged;
  return Recording(std::move(ticks));
}

std::string Recording::bytes() const {
  std::string out(recording_magic);
  ByteWriter writer(out);
  for (std::size_t i = 0; i < ticks_.size(); ++i) {
    auto const frame =
        i == 0 ? encode_key_frame(ticks_[i]) : encode_delta_frame(ticks_[i], ticks_[i - 1]);
    writer.u32(static_cast<std::uint32_t>(frame.size()));
    writer.raw(frame);
  }
  return out;
}

}  // namespace dadvisor::bench
