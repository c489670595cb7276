// Makes a recording (recording.hpp) of what an agent's spool holds:
//
//   record SPOOL_DIR OUT      the agent stopped; its aggregator was never there
//
// The last ticks that follow each other without a gap are taken. Exit status: 0 done, 1 not, 2
// usage.

#include <fmt/format.h>

#include <fstream>

#include "agent/send/spool.hpp"
#include "common/core/frame/frame.hpp"
#include "tests/bench/recording.hpp"

using namespace dadvisor;

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "Usage: record SPOOL_DIR OUT\n");
    return 2;
  }
  agent::SpoolOptions options;
  options.directory = argv[1];
  auto spool = agent::Spool::open(std::move(options), SystemClock().wall());
  if (!spool) {
    fmt::print(stderr, "record: {}\n", to_string(spool.error()));
    return 1;
  }
  std::vector<Batch> ticks;
  for (auto const& held : spool->held()) {
    auto const frame = spool->read(held.record);
    auto batch = frame ? decode_frame(*frame, nullptr) : Result<Batch>(frame.error());
    if (!batch) continue;
    if (!ticks.empty() && batch->tick != ticks.back().tick + batch->step) ticks.clear();
    batch->events.clear();
    ticks.push_back(std::move(*batch));
  }
  if (ticks.empty()) {
    fmt::print(stderr, "record: {} holds no batch\n", argv[1]);
    return 1;
  }
  bench::Recording const recording(std::move(ticks));
  auto const bytes = recording.bytes();
  std::ofstream(argv[2], std::ios::binary) << bytes;
  fmt::print("{} ticks, {} rows in the last, {} bytes\n", recording.ticks().size(),
             recording.ticks().back().rows.size(), bytes.size());
}
