#pragma once
// All that ingest sees of the store: a frame goes in, and `done` says that it is on disk.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/core/result.hpp"
#include "common/core/row.hpp"

namespace dadvisor::aggregator::store {

// The last batch of a stream's lane that the store holds.
struct StreamMark {
  StreamId stream;
  Lane lane = Lane::fresh;
  std::uint64_t sequence = 0;
};

class Appender {
 public:
  virtual ~Appender() = default;
  // Takes the frame as it was received and the batch that it decodes to (so that it is decoded
  // once). Batches are applied in the order of the calls. `done` is called exactly once, on a
  // thread of the store's: with success only after the record was synced to disk; an error
  // (unavailable: disk full or a failed write) means that the batch is not kept and may be sent
  // again; all that wait then fail with it, but not what is appended when the log is mended: so of
  // one lane append no batch before the answer for the one in front is known, or a mark may go
  // over one that failed. Any thread may call.
  virtual void append(std::string frame, std::shared_ptr<Batch const> batch,
                      std::function<void(Result<void>)> done) = 0;
  // Cells of rows that are on their way into memory: more than a little of them means that the disk
  // is faster than whatever follows from a row, and that senders had better wait. Any thread.
  virtual std::uint64_t unapplied_cells() const = 0;
  // What was durable when the store was opened; ingest starts its streams from it.
  virtual std::vector<StreamMark> marks() const = 0;
};

}  // namespace dadvisor::aggregator::store
