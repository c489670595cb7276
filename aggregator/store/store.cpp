#include "aggregator/store/store.hpp"

#include <algorithm>
#include <set>

#include "aggregator/store/store_state.hpp"

namespace dadvisor::aggregator::store {
namespace {

constexpr std::size_t listed_at_once = 1024;  // entities that are copied under the lock

std::uint64_t cells_of(Batch const& batch) {
  std::uint64_t cells = 0;
  for (Row const& row : batch.rows) cells += row.cells.size();
  return cells;
}

}  // namespace

namespace {

// Calls visit(tick, cells) row by row.
void visit_rows(SelectedRows const& rows, Store::Visitor const& visit) {
  std::vector<Cell> cells(rows.columns.size());
  for (std::size_t row = 0; row < rows.ticks.size(); ++row) {
    for (std::size_t place = 0; place < cells.size(); ++place)
      cells[place] = rows.columns[place].cell(row);
    visit(from_tick_ns(rows.ticks[row]), cells);
  }
}

}  // namespace

Store::State::State(StoreOptions options, Disk& disk, Clock const& clock, Log log,
                    Observer* observer, Catalogue catalogue)
    : options_(std::move(options)),
      disk_(disk),
      clock_(clock),
      log_(std::move(log)),
      observer_(observer),
      catalogue_(std::move(catalogue)),
      head_(1, options_.tiers) {}

Store::State::~State() {
  begin_stop();
  {
    std::lock_guard const lock(tasks_mutex_);
    stopping_ = true;
  }
  tasks_wake_.notify_one();
  if (store_thread_.joinable()) store_thread_.join();
  job_wake_.notify_one();
  if (spill_thread_.joinable()) spill_thread_.join();
}

void Store::State::begin_stop() {
  {
    // First: a spill must not take rows for applied that are skipped from now on.
    std::lock_guard const lock(job_mutex_);
    job_stopping_ = true;
  }
  skipping_ = true;
}

Result<void> Store::State::load_catalogue() {
  auto all = catalogue_.load();
  if (!all) return all.error();
  head_ = Head(all->next_entity, options_.tiers);
  dead_count_ = catalogue_.dead().size();
  latest_dead_start_ = catalogue_.dead().latest_start();
  for (auto& entity : all->entities) head_.restore(std::move(entity));
  marks_ = std::move(all->marks);
  if (catalogue_.damaged() > 0)
    log_.error(
        "{} damaged rows of the catalogue are left out; what they named is to be had from a "
        "backup alone",
        catalogue_.damaged());
  damaged_catalogue_rows_ = catalogue_.damaged();
  dirty_then_ = std::move(all->dirty);
  unfinished_ = std::move(all->unfinished);
  unspilled_ = unfinished_;
  return load_tombstones();
}

bool Store::State::covered(std::uint64_t log_file, WallTime tick) const {
  return std::any_of(spills_.begin(), spills_.end(), [&](auto const& spill) {
    return spill->info().log_number > log_file && tick_ns(tick) <= spill->info().boundary;
  });
}

Result<void> Store::State::survey() {
  auto found = survey_log(disk_, path("log"));
  if (!found) return found.error();
  if (auto synced = disk_.sync_directory(path("log")); !synced) return synced.error();
  damaged_records_ = found->damaged;
  if (found->damaged > 0)
    log_.warning("{} damaged or torn places in the log were skipped", found->damaged);
  for (StreamMark const& mark : marks_) {
    auto& sequence = found->marks[{mark.stream, mark.lane}];
    sequence = std::max(sequence, mark.sequence);
  }
  marks_.clear();
  for (auto const& [lane, sequence] : found->marks)
    marks_.push_back({lane.stream, lane.lane, sequence});
  // A number that a spill calls covered is never used again.
  std::uint64_t next = found->files.empty() ? 1 : found->files.back().number + 1;
  for (auto const& spill : spills_) next = std::max(next, spill->info().log_number);
  log_writer_ = std::make_unique<LogWriter>(disk_, clock_, log_, path("log"), options_.sync_spacing,
                                            options_.disk_reserve, next, found->files, marks_,
                                            [this] { wake_store(); });
  // In front of whatever comes: of two rows of one tick the one that was acknowledged first counts.
  tasks_.emplace_back([this, files = std::move(found->files)] { replay(files); });
  return {};
}

void Store::State::replay(std::vector<LogFile> const& files) {
  auto const undecodable =
      replay_log(disk_, path("log"), files, [this](std::uint64_t file, Batch const& batch) {
        if (skipping_) return false;
        if (covered(file, batch.tick)) return true;
        ++replayed_batches_;
        oldest_replayed_ = std::min(oldest_replayed_, batch.tick);
        apply(batch);
        return true;
      });
  if (undecodable) damaged_records_ += *undecodable;
  if (undecodable && *undecodable > 0)
    log_.warning("{} frames in the log lack the frame that they build upon", *undecodable);
  next_spill_at_ = first_spill_at();
  if (!undecodable) {
    // A spill would let log files go that were not read: none is made before the next start.
    log_.error("the log cannot be read back, the store is not ready: {}",
               to_string(undecodable.error()));
    return;
  }
  replayed_ = !skipping_;
}

void Store::State::start() {
  spill_thread_ = std::thread([this] { run_spills(); });
  store_thread_ = std::thread([this] { run_store(); });
}

void Store::State::append(std::string frame, std::shared_ptr<Batch const> batch,
                          std::function<void(Result<void>)> done) {
  std::lock_guard const order(order_);
  if (!log_writer_->submit({std::move(frame), batch, std::move(done)})) return;
  unapplied_cells_ += cells_of(*batch);
  std::lock_guard const lock(tasks_mutex_);
  tasks_.emplace_back(std::move(batch));
  // The store thread is woken by the log's: once for all that it writes at a time.
}

void Store::State::post(std::function<void()> function) {
  {
    std::lock_guard const order(order_);
    std::lock_guard const lock(tasks_mutex_);
    tasks_.emplace_back(std::move(function));
  }
  // Without the locks, or who is woken waits for them at once.
  tasks_wake_.notify_one();
}

void Store::State::wake_store() {
  // Whatever the log has taken is among the tasks once this was free.
  { std::lock_guard const order(order_); }
  tasks_wake_.notify_one();
}

void Store::State::run_store() {
  std::unique_lock lock(tasks_mutex_);
  for (;;) {
    // The time-out only serves the clock of spills when nothing comes in.
    tasks_wake_.wait_for(lock, std::chrono::seconds(1),
                         [this] { return stopping_ || !tasks_.empty(); });
    bool const stopping = stopping_;
    if (stopping && tasks_.empty()) return;
    std::deque<Task> tasks;
    tasks.swap(tasks_);
    lock.unlock();
    for (Task& task : tasks) {
      if (auto const* const batch = std::get_if<std::shared_ptr<Batch const>>(&task)) {
        if (!skipping_) apply(**batch);
        unapplied_cells_ -= cells_of(**batch);
      } else {
        std::get<std::function<void()>>(task)();
      }
      task = std::function<void()>();  // a batch goes when it is applied, not when all are
    }
    if (replayed_ && !skipping_) begin_spill_if_due();
    lock.lock();
  }
}

void Store::State::apply(Batch const& batch) {
  std::vector<CatalogueEntity> risen;
  std::set<EntityKey> asked;
  std::optional<LateHost> late_host;
  for (;;) {
    std::vector<EntityKey> unknown;
    {
      std::lock_guard const lock(head_mutex_);
      if (dead_count_ > 0) {
        unknown = head_.unknown(batch, latest_dead_start_);
        std::erase_if(unknown, [&](EntityKey const& key) { return asked.contains(key); });
      }
      if (unknown.empty()) {
        // Under one lock: what left memory between the two would get another number.
        revive(std::move(risen));
        head_.apply(batch, ids_);
        if (dead_count_ > 0) late_host = head_.late_host(batch);
        break;
      }
    }
    find_dead(unknown, risen);
    asked.insert(unknown.begin(), unknown.end());
  }
  if (late_host) mark_dead_first_rates(*late_host, batch.tick);
  if (observer_ != nullptr) observer_->applied(batch, ids_);
}

EntityId Store::State::put(EntityKey const& key, Labels const& labels, WallTime tick,
                           Nanoseconds step, Schema const& schema, Cells const& cells) {
  std::lock_guard const lock(head_mutex_);
  return head_.put(key, labels, tick, step, schema, cells);
}

std::shared_ptr<EntityList const> Store::State::entities() const {
  std::lock_guard const list_lock(list_mutex_);
  std::unique_lock lock(head_mutex_);
  if (auto known = list_.lock(); known && list_version_ == head_.version()) return known;
  list_version_ = head_.version();
  auto const tombstones = tombstones_;
  auto list = std::make_shared<EntityList>();
  list->reserve(head_.entities());
  while (head_.list(list->empty() ? 0 : list->back().id, listed_at_once, *list)) {
    lock.unlock();  // for the store thread to get its turn
    lock.lock();
  }
  if (!tombstones->empty())
    std::erase_if(list->pointers(), [&](EntityPtr& info) {
      info = what_is_left(std::move(info), *tombstones);
      return !info;
    });
  lock.unlock();
  list_ = list;
  return list;
}

EntityPtr Store::State::entity(EntityId id) const {
  for (int look = 0; look < 2; ++look) {  // as in kept_as()
    {
      std::lock_guard const lock(head_mutex_);
      if (auto info = head_.find(id)) return what_is_left(std::move(info), *tombstones_);
    }
    auto const over = dead({id});
    if (over && !over->empty()) return over->pointers().front();
  }
  return nullptr;
}

// Under the lock: what the deleted rows of an entity leave of it; null: nothing.
EntityPtr Store::State::what_is_left(EntityPtr info, Tombstones const& tombstones) const {
  if (!tombstones.names(info->id)) return info;
  auto const known = head_.known({&info->id, 1});
  if (known.empty()) return nullptr;
  auto clipped = known.front().info;
  if (!tombstones.clip(clipped)) return nullptr;
  return std::make_shared<EntityInfo const>(std::move(clipped));
}

std::uint64_t Store::State::generation() const {
  std::lock_guard const lock(head_mutex_);
  return head_.generation();
}

Result<void> Store::State::scan(std::span<EntityId const> entities, WallTime from, WallTime until,
                                ColumnScan& scan, EntityVisitor const& visit) const {
  TickNs const first = tick_ns(from), last = tick_ns(until);
  std::shared_ptr<Tombstones const> tombstones;
  for (std::size_t begin = 0; begin < entities.size(); begin += HeadRows::most) {
    auto const some = entities.subspan(begin, std::min(HeadRows::most, entities.size() - begin));
    if (scan.head_.size() < some.size()) scan.head_.resize(some.size());
    {
      std::lock_guard const lock(head_mutex_);
      head_.snapshot(some, scan.selection_, first, last, scan.head_);
      scan.reads().use(spills_, first, last);
      tombstones = tombstones_;
    }
    for (std::size_t i = 0; i < some.size(); ++i) {
      auto const read = scan_files(some[i], scan.head_[i], *tombstones, first, last, scan);
      if (!read) return read;
      if (auto const visited = visit(begin + i); !visited) return visited;
    }
  }
  return {};
}

// What the files have of an entity, with what memory has behind it.
Result<void> Store::State::scan_files(EntityId entity, HeadRows& head, Tombstones const& tombstones,
                                      TickNs from, TickNs until, ColumnScan& scan) const {
  scan.begin();
  SelectedRows& rows = scan.rows_;
  std::optional<Error> damage;
  scan.reads().select(entity, scan.selection_, from, until, rows, [&](Error const& error) {
    if (damaged_spills_++ == 0) log_.error("{}", to_string(error));
    damage = error;
  });
  for (PackedBlock const& block : head.packed)
    if (auto read = select_block(block->bytes, scan.selection_, from, until, rows); !read)
      damage = read.error();
  rows.take(head.open);
  if (damage && rows.ticks.empty()) return Error{Errc::io, damage->os_error, damage->context};
  // Of one that is not in memory: no other than containers leave it before their rows do.
  rows.settle(head.of_one_tick.value_or(OfOneTick::first));
  if (tombstones.touches(entity, from, until))
    tombstones.drop(entity, Nanoseconds(1), scan.selection_, rows);
  return {};
}

StoreCounters Store::State::counters() const {
  StoreCounters all;
  auto const log = log_writer_->counters();
  all.appended_batches = log.batches;
  all.appended_bytes = log.bytes;
  all.syncs = log.syncs;
  all.sync_failures = log.sync_failures;
  all.write_failures = log.write_failures;
  all.log_bytes = log.file_bytes;
  all.replayed_batches = replayed_batches_;
  all.damaged_records = damaged_records_;
  all.damaged_catalogue_rows = damaged_catalogue_rows_ + damaged_dead_;
  all.dead_entities = dead_count_;
  all.buried_entities = buried_;
  all.revived_entities = revived_;
  all.crowded_out_entities = crowded_out_;
  all.unapplied_cells = unapplied_cells_;
  all.spills = spill_count_;
  all.spill_failures = spill_failures_;
  all.merges = merge_count_;
  all.damaged_spills = damaged_spills_;
  std::lock_guard const lock(head_mutex_);
  all.applied_rows = head_.applied_rows();
  all.duplicate_rows = head_.duplicate_rows();
  all.head_rows = head_.rows();
  all.entities = head_.entities();
  all.deleted_entities = tombstones_->entities();
  for (auto const& spill : spills_) all.spill_bytes += spill->bytes();
  all.spill_files = spills_.size();
  for (Tier const tier : all_tiers) {
    auto const at = static_cast<std::size_t>(tier);
    all.tier_bytes[at] = tier_files(tier).bytes();
    all.files_of_tier[at] = tier_files(tier).files();
    all.tier_files += all.files_of_tier[at];
    all.damaged_spills += tier_files(tier).damaged();
    all.dirty_windows[at] = head_.dirty(tier).windows();
  }
  all.late_beyond_raw = late_beyond_raw_;
  return all;
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;
void Store::begin_stop() { state_->begin_stop(); }

Result<std::unique_ptr<Store>> Store::open(StoreOptions options, Disk& disk, Clock const& clock,
                                           Log log, Observer* observer) {
  auto const& directory = options.directory;
  for (auto const& path :
       {directory, directory + "/log", directory + "/spill", directory + "/tier"})
    if (auto made = disk.make_directory(path); !made) return made.error();
  if (auto synced = disk.sync_directory(directory); !synced) return synced.error();
  auto catalogue = Catalogue::open(directory + "/catalogue.db");
  if (!catalogue) return catalogue.error();
  auto state = std::make_unique<State>(std::move(options), disk, clock, std::move(log), observer,
                                       std::move(*catalogue));
  if (auto done = state->load_catalogue(); !done) return done.error();
  if (auto done = state->load_spills(); !done) return done.error();
  if (auto done = state->load_tiers(); !done) return done.error();
  if (auto done = state->survey(); !done) return done.error();
  state->start();
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

void Store::append(std::string frame, std::shared_ptr<Batch const> batch,
                   std::function<void(Result<void>)> done) {
  state_->append(std::move(frame), std::move(batch), std::move(done));
}
std::uint64_t Store::unapplied_cells() const { return state_->unapplied_cells(); }
std::vector<StreamMark> Store::marks() const { return state_->marks(); }
void Store::post(std::function<void()> function) { state_->post(std::move(function)); }
EntityId Store::put(EntityKey const& key, Labels const& labels, WallTime tick, Nanoseconds step,
                    Schema const& schema, Cells const& cells) {
  return state_->put(key, labels, tick, step, schema, cells);
}
std::shared_ptr<EntityList const> Store::entities() const { return state_->entities(); }
EntityPtr Store::entity(EntityId id) const { return state_->entity(id); }
std::uint64_t Store::generation() const { return state_->generation(); }
std::shared_ptr<DeadGroups const> Store::dead_groups() const { return state_->dead_groups(); }
Result<void> Store::dead_names(DeadQuery const& query, std::size_t& budget,
                               DeadVisitor const& visit) const {
  return state_->dead_names(query, budget, visit);
}
Result<EntityList> Store::dead(std::vector<EntityId> ids) const {
  return state_->dead(std::move(ids));
}
Result<EntityList> Store::dead(std::span<DeadGroup const> groups, WallTime from, WallTime until,
                               std::size_t limit) const {
  return state_->dead(groups, from, until, limit);
}
Result<void> Store::scan(EntityId entity, std::span<MetricId const> columns, WallTime from,
                         WallTime until, Visitor const& visit, SpillReads* reads) const {
  ColumnScan rows(columns, reads);
  return state_->scan({&entity, 1}, from, until, rows, [&](std::size_t) -> Result<void> {
    visit_rows(rows.rows(), visit);
    return {};
  });
}
Result<void> Store::scan(std::span<EntityId const> entities, WallTime from, WallTime until,
                         ColumnScan& scan, EntityVisitor const& visit) const {
  return state_->scan(entities, from, until, scan, visit);
}
Nanoseconds Store::retention() const { return state_->retention(); }
TierPlan const& Store::plan(Tier tier) const { return state_->plan(tier); }
WallTime Store::sealed_until(Tier tier) const { return state_->sealed_until(tier); }
Result<void> Store::scan_tier(Tier tier, EntityId entity, std::span<MetricId const> columns,
                              WallTime from, WallTime until, Visitor const& visit,
                              SpillReads* reads) const {
  ColumnScan rows(columns, reads);
  auto const read = state_->scan_tier(tier, entity, from, until, rows);
  if (read) visit_rows(rows.rows(), visit);
  return read;
}
void Store::begin_seal(Tier tier, WallTime until) { state_->begin_seal(tier, until); }
Result<void> Store::write_tier(Tier tier, WallTime period, bool whole, NextTierRows const& next) {
  return state_->write_tier(tier, period, whole, next);
}
void Store::mark_dirty(Tier tier, DirtyRange const& range) { state_->mark_dirty(tier, range); }
std::vector<DirtyRange> Store::begin_dirty(Tier tier, WallTime until) {
  return state_->begin_dirty(tier, until);
}
void Store::end_dirty(Tier tier, bool clean) { state_->end_dirty(tier, clean); }
Result<void> Store::tidy_tier(Tier tier, std::function<bool()> const& stopping) {
  return state_->tidy_tier(tier, stopping);
}
Result<std::vector<EntityInfo>> Store::extend(std::span<EntityInfo const> with) {
  return state_->extend(with);
}
std::vector<DirtyKey> Store::take_unfinished() { return state_->take_unfinished(); }
WallTime Store::raw_from() const { return state_->raw_from(); }
Result<void> Store::delete_rows(std::span<Tombstone const> rows, AuditEntry const& audit) {
  return state_->delete_rows(rows, audit);
}
Result<std::int64_t> Store::note(AuditEntry const& entry, std::optional<std::int64_t> known) {
  return state_->note(entry, known);
}

Result<std::vector<AuditEntry>> Store::audit() const { return state_->audit(); }
Result<BackupMade> Store::backup(std::string const& directory) { return state_->backup(directory); }
Result<Compacted> Store::compact() { return state_->compact(); }
StoreCounters Store::counters() const { return state_->counters(); }
bool Store::writable() const { return state_->writable(); }
bool Store::replayed() const { return state_->replayed(); }

}  // namespace dadvisor::aggregator::store
