#include "aggregator/ingest/foreign_rows.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "common/core/foreign.hpp"
#include "common/core/frame/frame.hpp"
#include "graphite-bridge/carbon/point_path.hpp"

namespace dadvisor::aggregator::ingest {

struct ForeignOpenRow {
  std::int64_t time = 0;     // seconds, of its slot
  std::uint64_t there = 0;   // by column
  std::size_t first = 0;     // its first value
  std::uint32_t schema = 0;  // it has place for so many values as that has columns
};

struct ForeignEntity {
  EntityKey key;
  std::string leaves;
  std::int64_t step = 0;
  std::uint32_t slot = 0;
  std::uint32_t count = 0;  // of leaves
  bool dirty = false;
  std::vector<ForeignOpenRow> open;
};

namespace {

// Few, and the same for every batch: a delta frame needs its base's. A row has as many columns as
// the least of these that its entity fits in.
constexpr std::array<std::size_t, 3> widths{8, 24, foreign_leaves};

std::vector<Schema> const& foreign_schemas() {
  static std::vector<Schema> const made = [] {
    std::vector<Schema> schemas;
    for (std::size_t const width : widths) {
      auto& schema = schemas.emplace_back();
      for (std::size_t leaf = 0; leaf < width; ++leaf)
        schema.metrics.push_back(foreign_column(leaf));
    }
    return schemas;
  }();
  return made;
}

std::uint32_t schema_for(std::size_t leaves) {
  return static_cast<std::uint32_t>(std::ranges::lower_bound(widths, leaves) - widths.begin());
}

// The most that a row may add to a key frame.
std::size_t frame_bytes(ForeignEntity const& entity) {
  return 64 + entity.key.container_id.size() + entity.leaves.size() + 11 * entity.count;
}
constexpr std::size_t most_frame_bytes = frame_limit::frame_bytes - (64 << 10);

}  // namespace

Entity ForeignSeries::whole() const { return {entity->key, foreign_labels(entity->leaves)}; }

ForeignRows::ForeignRows(ForeignRowsOptions options, store::Appender& appender, Post post, Log log,
                         std::vector<Entity> const& known)
    : options_(options), appender_(appender), post_(std::move(post)), log_(std::move(log)) {
  for (auto const& mark : appender_.marks())
    if (is_foreign(mark.stream))
      for (auto const& entry : known)
        if (auto const step = foreign_step(entry.key); foreign_stream(step) == mark.stream) {
          streams_[step].sequence = std::max(streams_[step].sequence, mark.sequence);
          break;
        }
  for (Entity const& one : known) {
    if (one.labels.empty()) continue;
    auto& its = entity(one.key, one.labels.front().second);
    for (auto const leaf : foreign_leaf_names(one))
      series_.try_emplace(graphite::join_path(one.key.container_id, leaf),
                          ForeignSeries{&its, its.count++});
  }
}

ForeignRows::~ForeignRows() = default;

ForeignEntity& ForeignRows::entity(EntityKey key, std::string leaves) {
  auto made = std::make_unique<ForeignEntity>();
  made->step = foreign_step(key);
  made->slot = slots_[made->step]++;
  made->leaves = std::move(leaves);
  made->key = key;
  auto& newest = newest_[{key.container_id, made->step}];
  if (newest == nullptr || newest->key < key) newest = made.get();
  auto& place = entities_[std::move(key)];
  place = std::move(made);
  return *place;
}

std::optional<ForeignSeries> ForeignRows::find(std::string_view path) const {
  auto const found = series_.find(path);
  if (found == series_.end()) return std::nullopt;
  return found->second;
}

std::optional<ForeignSeries> ForeignRows::add(std::string_view path, std::int64_t step_seconds) {
  if (series_.size() >= options_.most_series || step_seconds <= 0 ||
      step_seconds > longest_foreign_step)
    return std::nullopt;
  auto const [parent, leaf] = graphite::split_path(path);
  auto const newest = newest_.find({std::string(parent), step_seconds});
  ForeignEntity* its = newest == newest_.end() ? nullptr : newest->second;
  bool const full = its != nullptr && (its->count >= foreign_leaves ||
                                       its->leaves.size() + 1 + leaf.size() > foreign_leaves_bytes);
  if (its == nullptr || full) {
    std::uint32_t const chunk = its == nullptr ? 0 : foreign_chunk(its->key) + 1;
    if (chunk >= foreign_chunks) return std::nullopt;
    its = &entity(foreign_key(std::string(parent), step_seconds, chunk), {});
  }
  if (its->count > 0) its->leaves += '\n';
  its->leaves += leaf;
  ForeignSeries const series{its, its->count++};
  series_.emplace(path, series);
  return series;
}

bool ForeignRows::put(ForeignSeries const& series, std::int64_t seconds, double value) {
  auto& entity = *series.entity;
  auto* row = entity.open.empty() ? nullptr : &entity.open.back();
  if (row == nullptr || seconds < row->time || seconds >= row->time + entity.step) {
    row = open_row(entity, seconds - seconds % entity.step);
    if (row == nullptr) return false;
  }
  if (series.column >= widths[row->schema]) widen(entity, *row);
  values_[row->first + series.column] = value;
  row->there |= std::uint64_t{1} << series.column;
  return true;
}

ForeignOpenRow* ForeignRows::open_row(ForeignEntity& entity, std::int64_t time) {
  auto const known = std::ranges::find(entity.open, time, &ForeignOpenRow::time);
  if (known != entity.open.end()) return &*known;
  auto const schema = schema_for(entity.count);
  if (values_.size() + widths[schema] > options_.most_waiting_values) return nullptr;
  entity.open.push_back({time, 0, values_.size(), schema});
  values_.resize(values_.size() + widths[schema]);
  if (!entity.dirty) dirty_.push_back(&entity);
  entity.dirty = true;
  return &entity.open.back();
}

void ForeignRows::widen(ForeignEntity const& entity, ForeignOpenRow& row) {
  auto const from = std::exchange(row.first, values_.size());
  auto const width = widths[row.schema];
  row.schema = schema_for(entity.count);
  values_.resize(values_.size() + widths[row.schema]);
  for (std::size_t i = 0; i < width; ++i) values_[row.first + i] = values_[from + i];
}

Row ForeignRows::row_of(ForeignEntity const& entity, ForeignOpenRow const& open) const {
  Row row;
  row.slot = entity.slot;
  row.schema = schema_for(entity.count);
  row.cells.resize(widths[row.schema]);
  for (std::size_t i = 0; i < widths[open.schema]; ++i)
    if (open.there >> i & 1) row.cells[i] = real_cell(values_[open.first + i]);
  return row;
}

void ForeignRows::flush(bool at_the_end) {
  bool const busy = owed_ > 0 || appender_.unapplied_cells() > options_.most_unapplied_cells;
  if (busy && !at_the_end) return;
  if (!failed_.empty()) {
    for (auto const& batch : std::exchange(failed_, {})) append(batch, nullptr);
    if (!at_the_end) return;
  }
  struct Item {
    std::int64_t step, time;
    ForeignEntity* entity;
    std::size_t row;
  };
  std::vector<Item> items;
  for (ForeignEntity* const entity : dirty_)
    for (std::size_t i = 0; i < entity->open.size(); ++i)
      items.push_back({entity->step, entity->open[i].time, entity, i});
  auto const order = [](Item const& item) {
    return std::tuple(item.step, item.time, item.entity->slot);
  };
  if (!std::ranges::is_sorted(items, {}, order)) std::ranges::sort(items, {}, order);
  for (auto item = items.begin(); item != items.end();) {
    auto batch = std::make_shared<Batch>();
    auto& stream = streams_[item->step];
    batch->stream = foreign_stream(item->step);
    batch->sequence = ++stream.sequence;
    batch->tick = from_unix_seconds(item->time);
    batch->step = std::chrono::seconds(item->step);
    batch->schemas = foreign_schemas();
    std::size_t bytes = 0;
    for (auto const first = item;
         item != items.end() && item->step == first->step && item->time == first->time; ++item) {
      bytes += frame_bytes(*item->entity);
      if (bytes > most_frame_bytes && item != first) break;
      batch->rows.push_back(row_of(*item->entity, item->entity->open[item->row]));
      batch->entities.push_back(
          {item->entity->slot, {item->entity->key, foreign_labels(item->entity->leaves)}});
    }
    std::shared_ptr<Batch const> const base = std::exchange(stream.last, batch);
    append(batch, base.get());
  }
  for (ForeignEntity* const entity : dirty_) {
    entity->dirty = false;
    entity->open.clear();
  }
  dirty_.clear();
  bool const much_less = values_.size() < values_.capacity() / 8;
  values_.clear();
  if (much_less) values_.shrink_to_fit();
  for (auto& done : std::exchange(waiting_, {})) answering_.push_back(std::move(done));
  tell_durable();
}

void ForeignRows::when_durable(std::function<void()> done) {
  waiting_.push_back(std::move(done));
  flush();
}

void ForeignRows::tell_durable() {
  if (owed_ > 0 || !failed_.empty()) return;
  for (auto const& done : std::exchange(answering_, {})) done();
}

void ForeignRows::append(std::shared_ptr<Batch const> const& batch, Batch const* base) {
  ++owed_;
  auto frame = base != nullptr ? encode_delta_frame(*batch, *base) : encode_key_frame(*batch);
  appender_.append(
      std::move(frame), batch,
      [this, post = post_, alive = std::weak_ptr(alive_), batch](Result<void> const& result) {
        bool const good = result.has_value();
        post([this, alive, batch, good] {
          if (!alive.expired()) answered(batch, good);
        });
      });
}

void ForeignRows::answered(std::shared_ptr<Batch const> const& batch, bool good) {
  --owed_;
  if (good) {
    ++counters_.batches;
    counters_.rows += batch->rows.size();
  } else {
    ++counters_.again;
    failed_.push_back(batch);
  }
  tell_durable();
  if (!waiting_.empty() && failed_.empty()) flush();
}

ForeignRowsCounters ForeignRows::counters() const {
  auto counters = counters_;
  counters.series = series_.size();
  counters.entities = entities_.size();
  counters.waiting_values = values_.size();
  return counters;
}

}  // namespace dadvisor::aggregator::ingest
