#pragma once
// Inside of Store: its parts and their threads. Nobody but store*.cpp includes this.
//
// Threads: the log thread (in LogWriter) writes, syncs and acknowledges; the store thread applies
// batches and runs posted functions; the spill thread moves rows from the head to a file. Locks,
// in this order: order_ (that log and head see batches in one order), head_mutex_ (head, spills).

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

#include "aggregator/store/catalogue.hpp"
#include "aggregator/store/head.hpp"
#include "aggregator/store/log_replay.hpp"
#include "aggregator/store/log_writer.hpp"
#include "aggregator/store/spill_file.hpp"
#include "aggregator/store/store.hpp"

namespace dadvisor::aggregator::store {

class Store::State {
 public:
  State(StoreOptions options, Disk& disk, Clock const& clock, Log log, Observer* observer,
        Catalogue catalogue);
  ~State();

  // In this order, by open().
  Result<void> load_catalogue();
  Result<void> load_spills();
  Result<void> replay();
  void start();

  void append(std::string frame, std::shared_ptr<Batch const> batch,
              std::function<void(Result<void>)> done);
  void post(std::function<void()> function);
  EntityId put(EntityKey const& key, Labels const& labels, WallTime tick, Nanoseconds step,
               Schema const& schema, std::span<Cell const> cells);
  std::vector<StreamMark> const& marks() const { return marks_; }
  std::shared_ptr<EntityList const> entities() const;
  std::uint64_t generation() const;
  Result<void> scan(EntityId entity, std::span<MetricId const> columns, WallTime from,
                    WallTime until, Visitor const& visit) const;
  StoreCounters counters() const;
  bool writable() const { return log_writer_->writable(); }

 private:
  using Task = std::variant<std::shared_ptr<Batch const>, std::function<void()>>;
  using Spills = std::vector<std::shared_ptr<SpillFile const>>;  // by number

  using Written = std::vector<std::pair<EntityId, std::vector<PackedBlock>>>;

  // A spill that is under way: it may begin when both have come.
  struct SpillJob {
    std::future<Rotation> logged;
    std::future<void> applied;
  };

  void apply(Batch const& batch);
  void run_store();
  void begin_spill_if_due();
  void run_spills();
  MonotonicTime first_spill_at() const;
  Result<void> spill(Rotation rotation);
  Result<std::vector<EntityId>> save_entities(std::vector<StreamMark> marks, TickNs boundary);
  Result<std::string> write_spill(SpillInfo const& info, std::vector<EntityId> const& ids,
                                  Written& written);
  void release(Written const& written);
  void drop_old_spills();
  bool covered(std::uint64_t log_file, WallTime tick) const;
  std::string path(std::string const& part) const { return options_.directory + "/" + part; }

  StoreOptions const options_;
  Disk& disk_;
  Clock const& clock_;
  Log log_;
  Observer* const observer_;
  Catalogue catalogue_;                 // of open(), then of the spill thread
  std::vector<EntityId> unsaved_gone_;  // of the spill thread
  std::uint64_t next_spill_ = 1;        // of open(), then of the spill thread
  std::vector<StreamMark> marks_;       // constant after open()
  std::vector<EntityId> ids_;           // of the store thread: scratch
  MonotonicTime next_spill_at_{};       // of the store thread

  mutable std::mutex head_mutex_;
  Head head_;
  Spills spills_;

  mutable std::mutex list_mutex_;
  mutable std::shared_ptr<EntityList const> list_;
  mutable std::uint64_t list_version_ = 0;

  std::mutex order_;
  std::mutex tasks_mutex_;
  std::condition_variable tasks_wake_;
  std::deque<Task> tasks_;
  bool stopping_ = false;

  std::mutex job_mutex_;
  std::condition_variable job_wake_;
  std::optional<SpillJob> job_;
  bool spilling_ = false;      // from the job's making to its end
  bool spill_failed_ = false;  // the last one
  std::atomic<bool> job_stopping_{false};

  std::uint64_t replayed_batches_ = 0;          // constant after open()
  WallTime oldest_replayed_ = WallTime::max();  // of open()
  std::atomic<std::uint64_t> damaged_records_{0}, spill_count_{0}, spill_failures_{0};
  mutable std::atomic<std::uint64_t> damaged_spills_{0};

  std::unique_ptr<LogWriter> log_writer_;
  std::thread store_thread_, spill_thread_;
};

}  // namespace dadvisor::aggregator::store
