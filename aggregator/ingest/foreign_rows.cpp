#include "aggregator/ingest/foreign_rows.hpp"

#include <utility>

#include "common/core/foreign.hpp"
#include "common/core/frame/frame.hpp"
#include "graphite-bridge/carbon/point_path.hpp"

namespace dadvisor::aggregator::ingest {

ForeignRows::ForeignRows(ForeignRowsOptions options, store::Appender& appender, Post post, Log log,
                         std::vector<Entity> const& known)
    : options_(options), appender_(appender), post_(std::move(post)), log_(std::move(log)) {
  for (auto const& mark : appender_.marks())
    if (is_foreign(mark.stream)) {
      auto& sequence = marks_[mark.stream];
      sequence = std::max(sequence, mark.sequence);
    }
  for (Entity const& one : known) {
    if (one.labels.empty()) continue;
    auto const names = foreign_leaf_names(one);
    auto& its = entity(one, static_cast<std::uint32_t>(names.size()));
    for (std::uint32_t column = 0; column < names.size(); ++column)
      series_.try_emplace(graphite::join_path(one.key.container_id, names[column]),
                          ForeignSeries{&its, column});
  }
}

ForeignRows::~ForeignRows() = default;

ForeignEntity& ForeignRows::entity(Entity entity, std::uint32_t leaves) {
  auto const step = foreign_step(entity.key);
  auto const chunk = foreign_chunk(entity.key);
  auto& newest = newest_[{entity.key.container_id, step}];
  auto& groups = groups_[step];
  if (groups.empty() || groups.back()->full()) {
    auto stream = foreign_stream(step, groups.size());
    auto const mark = marks_.find(stream);
    groups.push_back(std::make_unique<ForeignGroup>(std::move(stream), step,
                                                    mark == marks_.end() ? 0 : mark->second));
  }
  auto& made = groups.back()->add(std::move(entity), leaves);
  ++counters_.entities;
  if (newest == nullptr || foreign_chunk(newest->group->of(*newest).key) < chunk) newest = &made;
  return made;
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
  if (its == nullptr || !its->group->has_room(*its, leaf)) {
    std::uint32_t const chunk = its == nullptr ? 0 : foreign_chunk(its->group->of(*its).key) + 1;
    if (chunk >= foreign_chunks) return std::nullopt;
    its = &entity({foreign_key(std::string(parent), step_seconds, chunk), foreign_labels({})}, 0);
  }
  ForeignSeries const series{its, its->count};
  its->group->add_leaf(*its, leaf);
  series_.emplace(path, series);
  return series;
}

bool ForeignRows::open(ForeignSeries const& series, std::int64_t seconds) {
  auto& its = *series.entity;
  bool const dirty = its.group->dirty();
  if (!its.group->open(its, seconds - seconds % its.step, series.column,
                       options_.most_waiting_values, open_cells_))
    return false;
  if (!dirty) dirty_.push_back(its.group);
  return true;
}

void ForeignRows::flush(bool at_the_end) {
  if (busy() && !at_the_end) return;
  if (!failed_.empty()) {
    for (auto const& batch : std::exchange(failed_, {})) append(batch, nullptr);
    if (!at_the_end) return;
  }
  for (ForeignGroup* const group : dirty_)
    group->close([this](auto const& batch, Batch const* base) { append(batch, base); });
  dirty_.clear();
  open_cells_ = 0;
  for (auto& done : std::exchange(waiting_, {})) answering_.push_back(std::move(done));
  tell_durable();
}

void ForeignRows::flush_if_large() {
  // What failed is tried again with the next regular flush.
  if (open_cells_ >= options_.flushed_values && failed_.empty()) flush();
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
  if (!waiting_.empty() && failed_.empty())
    flush();
  else
    flush_if_large();
}

ForeignRowsCounters ForeignRows::counters() const {
  auto counters = counters_;
  counters.series = series_.size();
  counters.waiting_values = open_cells_;
  return counters;
}

}  // namespace dadvisor::aggregator::ingest
