#include "aggregator/series/leaf_series.hpp"

#include <algorithm>

#include "aggregator/rollup/entity_directory.hpp"
#include "aggregator/series/leaf_reading.hpp"
#include "aggregator/series/window_values.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::aggregator::series {
namespace {

std::int64_t floor_to(std::int64_t time, std::int64_t step) {
  return time - ((time % step) + step) % step;
}

// The slot of a tick; below 0 for one before the grid.
std::int64_t slot_of(graphite::MatchedSeries::Shape const& shape, store::TickNs tick) {
  std::int64_t const time = unix_seconds(store::from_tick_ns(tick));
  return floor_to(time - shape.start, shape.step) / shape.step;
}

// Puts what is there of `values` into the slots of their ticks.
void fill(graphite::MatchedSeries::Shape const& shape, std::span<store::TickNs const> ticks,
          std::span<double const> values, std::span<double> slots) {
  auto const size = static_cast<std::int64_t>(slots.size());
  store::TickNs const step = Nanoseconds(std::chrono::seconds(shape.step)).count();
  for (std::size_t row = 0; row < ticks.size();) {
    std::size_t end = row + 1;  // of rows that are one step apart, hence one slot
    while (end < ticks.size() && ticks[end] - ticks[end - 1] == step) ++end;
    auto slot = slot_of(shape, ticks[row]);
    if (slot < 0) {
      auto const before = std::min<std::size_t>(static_cast<std::size_t>(-slot), end - row);
      row += before;
      slot += static_cast<std::int64_t>(before);
    }
    if (row < end && slot < size) {
      auto const count = std::min(end - row, static_cast<std::size_t>(size - slot));
      double const* const from = values.data() + row;
      double* const into = slots.data() + slot;
      for (std::size_t i = 0; i < count; ++i)
        into[i] = graphite::is_absent(from[i]) ? into[i] : from[i];
    }
    row = end;
  }
}

}  // namespace

// What reads of leaf after leaf share.
class LeafSeries::Reader {
 public:
  explicit Reader(LeafSeries const& series)
      : series_(series),
        host_ticks_(series.store_),
        tier_reader_(
            series.store_, host_ticks_,
            [this](EntityKey const& container) { return series_.index_.host(container.host); },
            [this](EntityKey const& rolled_up, WallTime from, WallTime until,
                   rollup::InstanceVisitor const& visit) {
              return rollup::visit_instances(series_.index_.instances(rolled_up), series_.store_,
                                             rolled_up, from, until, visit);
            }) {}

  // Reads leaves [first, last), which have the same members, all at once.
  Result<void> read(std::size_t first, std::size_t last) {
    begin(first, last);
    clear_slots();
    MembersPtr const& members = series_.leaves_->at(first).members;
    EntityKind const kind = members->entities.back().entity.key.kind;
    auto const tier = series_.tier_for(kind);
    for (store::EntityInfo const& entity : members->entities) {
      if (entity.first_tick > until_) continue;
      auto const done = tier ? read_windows(*tier, entity, from_, until_) : read_rows(kind, entity);
      if (!done) return done.error().within(members->path);
    }
    return {};
  }

  // Reads `count` members from leaf `first` on, each of which is one entity and has leaves
  // [first, last) or as many that are like them: each one's rows in one go with those of the
  // others. visit(place) when the values of the leaves from `place` on stand here.
  template <typename Visit>
  Result<void> read_alike(std::size_t first, std::size_t last, std::size_t count,
                          Visit const& visit) {
    begin(first, last);
    std::vector<MatchedLeaf> const& leaves = *series_.leaves_;
    std::size_t const width = last - first;
    std::size_t next = 0;  // of the members
    entities_.clear();
    members_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      LeafEntity const& entity = leaves[first + i * width].newest;
      if (entity.first_tick > until_) continue;
      entities_.push_back(entity);
      members_.push_back(i);
    }
    auto const without_rows = [&](std::size_t end) {
      for (; next < end; ++next) {
        clear_slots();
        visit(first + next * width);
      }
    };
    prepare(leaves[first].newest.kind);
    auto const done = rows_->read(series_.store_, host_ticks_, host_of(), entities_, from_, until_,
                                  [&](std::size_t i) {
                                    without_rows(members_[i]);
                                    take_rows();
                                    visit(first + next++ * width);
                                  });
    if (!done) return done.error().within(leaves[first + next * width].members->path);
    without_rows(count);
    return {};
  }
  std::span<double const> values(std::size_t place) const {
    return rows_fit_ ? rows_->of(place) : std::span<double const>(slots_[place]);
  }

 private:
  void begin(std::size_t first, std::size_t last) {
    leaves_.clear();
    for (std::size_t i = first; i < last; ++i) leaves_.push_back((*series_.leaves_)[i].leaf);
    if (slots_.size() < leaves_.size()) slots_.resize(leaves_.size());
    shape_ = series_.shape(first);  // they share step and window
    from_ = from_unix_seconds(shape_.start);
    until_ = from_unix_seconds(shape_.end) - Nanoseconds(1);
  }
  void clear_slots() {
    rows_fit_ = false;
    for (std::size_t i = 0; i < leaves_.size(); ++i)
      slots_[i].assign(shape_.values(), graphite::absent);
  }
  void fill_slots() {
    for (std::size_t i = 0; i < leaves_.size(); ++i)
      fill(shape_, rows_->ticks(), rows_->of(i), slots_[i]);
  }
  // What was read of the one entity there is.
  void take_rows() {
    // Whether each slot has a row, and none has two: as nearly always.
    rows_fit_ = rows_->has_ticks(shape_.values(), store::tick_ns(from_unix_seconds(shape_.start)),
                                 Nanoseconds(std::chrono::seconds(shape_.step)).count());
    if (rows_fit_) return;
    clear_slots();
    fill_slots();
  }
  void prepare(EntityKind kind) {
    if (!rows_ || !rows_->reads(kind, leaves_)) rows_.emplace(kind, leaves_);
  }
  LeafValues::HostOf host_of() const {
    return [this](EntityKey const& container) { return series_.index_.host(container.host); };
  }
  Result<void> read_rows(EntityKind kind, store::EntityInfo const& entity) {
    prepare(kind);
    auto const done =
        rows_->read(series_.store_, host_ticks_, host_of(), LeafEntity(entity), from_, until_);
    if (done) fill_slots();
    return done;
  }
  Result<void> read_windows(store::Tier tier, store::EntityInfo const& entity, WallTime from,
                            WallTime until) {
    return read_window_values(tier_reader_, tier, entity, leaves_, series_.window_.consolidation,
                              from, until, [&](std::size_t leaf, WallTime window, double value) {
                                auto const tick = store::tick_ns(window);
                                fill(shape_, {&tick, 1}, {&value, 1}, slots_[leaf]);
                              });
  }

  LeafSeries const& series_;
  rollup::HostTicks host_ticks_;
  rollup::TierReader tier_reader_;
  std::optional<LeafValues> rows_;
  std::vector<Leaf> leaves_;
  std::vector<LeafEntity> entities_;  // those with rows in the window
  std::vector<std::size_t> members_;  // of each of them, which
  Shape shape_;
  WallTime from_{}, until_{};
  std::vector<std::vector<double>> slots_;
  bool rows_fit_ = false;  // the rows are the slots
};

Result<std::unique_ptr<LeafSeries>> LeafSeries::make(store::Store const& store,
                                                     PathIndex const& index, MatchedLeaves leaves,
                                                     std::string_view pattern,
                                                     graphite::Window const& window,
                                                     std::size_t most_values) {
  std::unique_ptr<LeafSeries> made(
      new LeafSeries(store, index, std::move(leaves), pattern, window));
  std::size_t values = 0;
  for (MatchedLeaf const& leaf : *made->leaves_) {
    values += made->add_shape(leaf).values();
    if (values > most_values)
      return Error{Errc::too_large, 0,
                   "more than " + std::to_string(most_values) +
                       " values are asked for: ask for a shorter time or fewer series",
                   graphite::query_limit::points};
  }
  return made;
}

std::optional<store::Tier> LeafSeries::tier_for(EntityKind kind) const {
  auto const reaches = [&](Nanoseconds retention) {
    return from_unix_seconds(window_.from) >= from_unix_seconds(window_.now) - retention;
  };
  if (reaches(store_.retention())) return std::nullopt;
  store::Tier const first = store::first_tier(kind);
  if (kind == EntityKind::container || reaches(store_.plan(first).retention)) return first;
  return store::Tier::ten_minutes;
}

// Over (from, until] as graphite-web lays it: from the step after from's to until's, and at least
// one value.
LeafSeries::Shape const& LeafSeries::add_shape(MatchedLeaf const& leaf) {
  LeafEntity const& newest = leaf.newest;
  EntityKind const kind = newest.kind;
  auto const same = [&](StepShape const& known) {
    return known.kind == kind && known.of == newest.step;
  };
  // Nearly all have the step of the one before.
  if (shapes_.empty() || !same(steps_[shapes_.back()])) {
    auto known = std::ranges::find_if(steps_, same);
    if (known == steps_.end()) {
      Nanoseconds step = newest.step;
      if (auto const tier = tier_for(kind)) step = std::max(step, store_.plan(*tier).window);
      Shape made;
      made.step = std::max<std::int64_t>(1, std::chrono::floor<std::chrono::seconds>(step).count());
      made.start = floor_to(window_.from, made.step) + made.step;
      made.end = std::max(floor_to(window_.until, made.step), made.start) + made.step;
      known = steps_.insert(steps_.end(), {kind, newest.step, made});
    }
    shapes_.push_back(static_cast<std::size_t>(known - steps_.begin()));
  } else {
    shapes_.push_back(shapes_.back());
  }
  return steps_[shapes_.back()].shape;
}

LeafSeries::Shape LeafSeries::shape(std::size_t place) const {
  Shape shape = steps_[shapes_[place]].shape;
  shape.consolidation = (*leaves_)[place].leaf.consolidation();
  return shape;
}

bool LeafSeries::of_same_rows(std::size_t a, std::size_t b) const {
  return (*leaves_)[a].members == (*leaves_)[b].members;
}

bool LeafSeries::is_plain(std::size_t place) const {
  return (*leaves_)[place].alone && !tier_for((*leaves_)[place].newest.kind);
}

bool LeafSeries::is_like(std::size_t a, std::size_t b) const {
  MatchedLeaf const &one = (*leaves_)[a], &other = (*leaves_)[b];
  return other.alone && other.leaf == one.leaf && shapes_[b] == shapes_[a];
}

Result<void> LeafSeries::each(Visitor const& visit) const { return LeafReading(*this).each(visit); }

Result<std::vector<graphite::Series>> LeafSeries::take(std::span<std::size_t const> places) const {
  return LeafReading(*this).take(places);
}

Result<std::vector<graphite::Series>> LeafSeries::take_all() const {
  return LeafReading(*this).take_all();
}

}  // namespace dadvisor::aggregator::series
