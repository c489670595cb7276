#include "aggregator/series/store_series_source.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <tuple>

#include "aggregator/series/entity_path.hpp"
#include "aggregator/series/lost_figures.hpp"
#include "common/core/foreign.hpp"
#include "graphite-bridge/query_budget.hpp"

namespace dadvisor::aggregator::series {
namespace {

constexpr std::int64_t longest_loss = 25 * 3600;  // seconds; older ticks are taken from no agent

bool selected(PointSelection const& selection, EntityKind kind) {
  switch (kind) {
    case EntityKind::host:
      return selection.hosts;
    case EntityKind::container:
      return selection.instances;
    case EntityKind::app:
      return selection.apps;
    case EntityKind::total:
      return selection.totals;
    case EntityKind::foreign:  // what others sent is theirs to send on
      return false;
  }
  return false;
}

}  // namespace

StoreSeriesSource::StoreSeriesSource(store::Store const& store, SeriesOptions options)
    : store_(store),
      options_(std::move(options)),
      index_(std::make_unique<PathIndex>(options_.prefix)),
      dead_(std::make_unique<DeadIndex>(store, options_.prefix, options_.most_dead_rows)),
      foreign_(std::make_unique<ForeignIndex>()),
      tags_(std::make_unique<TagIndex>()) {}

PathIndex& StoreSeriesSource::index() const {
  index_->follow(store_.entities());
  return *index_;
}

ForeignIndex& StoreSeriesSource::foreign_index() const {
  foreign_->follow(store_.entities());
  return *foreign_;
}

// A window of a tier, and what rates reach back on, lie before a series' first step.
DeadBounds StoreSeriesSource::bounds(graphite::Window const& window, std::size_t limit) const {
  DeadBounds bounds;
  constexpr std::int64_t reach = 120;
  if (window.from > reach) bounds.from = from_unix_seconds(window.from - reach);
  // A find may leave both open.
  if (window.until > 0)
    bounds.until = from_unix_seconds(std::max(window.from, window.until)) + std::chrono::minutes(1);
  bounds.limit = limit;
  bounds.budget = window.budget;
  return bounds;
}

std::size_t StoreSeriesSource::most_kept(graphite::Window const& window) const {
  if (window.budget == nullptr) return options_.most_series;
  return std::min(options_.most_series, window.budget->series_left());
}

Error StoreSeriesSource::refused(Error error, std::size_t most,
                                 graphite::Window const& window) const {
  bool const its = error.limit == graphite::query_limit::series && most < options_.most_series;
  return its ? window.budget->too_many_series() : error;
}

Result<StoreSeriesSource::Matched> StoreSeriesSource::matched(std::string_view pattern,
                                                              graphite::Window const& window,
                                                              std::size_t most) const {
  auto const compiled = graphite::PathPattern::compile(pattern);
  if (!compiled) return compiled.error();
  auto leaves = index().leaves(*compiled, most, window.budget);
  if (!leaves) return refused(leaves.error(), most, window);
  auto const dead = dead_->places(*compiled, DeadIndex::Below::leaves, bounds(window, most));
  if (!dead) return refused(dead.error(), most, window);
  if (!dead->empty()) leaves = index_->with_dead(*compiled, *leaves, *dead, most, window.budget);
  if (!leaves) return refused(leaves.error(), most, window);
  auto foreign = foreign_index().leaves(*compiled, most - (*leaves)->size(), window.budget);
  if (!foreign) return refused(foreign.error(), most, window);
  return Matched{std::move(*leaves), std::move(*foreign)};
}

Result<std::unique_ptr<LeafSeries>> StoreSeriesSource::series_of(
    MatchedLeaves leaves, std::string_view pattern, graphite::Window const& window) const {
  return LeafSeries::make(store_, *index_, std::move(leaves), pattern, window,
                          options_.most_values);
}

Result<std::vector<graphite::Series>> StoreSeriesSource::fetch(
    std::string_view pattern, graphite::Window const& window) const {
  auto found = matched(pattern, window, most_kept(window));
  if (!found) return found.error();
  auto const series = series_of(found->leaves, pattern, window);
  if (!series) return series.error();
  auto all = (*series)->take_all();
  if (!all || found->foreign.empty()) return all;
  auto const foreign = foreign_of(std::move(found->foreign), pattern, window);
  if (!foreign) return foreign.error();
  auto others = (*foreign)->take_all();
  if (!others) return others;
  std::ranges::move(*others, std::back_inserter(*all));
  std::ranges::sort(*all, {}, &graphite::Series::name);
  return all;
}

Result<std::unique_ptr<graphite::MatchedSeries>> StoreSeriesSource::match(
    std::string_view pattern, graphite::Window const& window) const {
  auto found = matched(pattern, window, options_.most_series);
  if (!found) return found.error();
  if (!found->foreign.empty() && !found->leaves->empty())
    return std::unique_ptr<graphite::MatchedSeries>();
  if (!found->foreign.empty()) {
    auto foreign = foreign_of(std::move(found->foreign), pattern, window);
    if (!foreign) return foreign.error();
    return std::unique_ptr<graphite::MatchedSeries>(std::move(*foreign));
  }
  auto series = series_of(found->leaves, pattern, window);
  if (!series) return series.error();
  return std::unique_ptr<graphite::MatchedSeries>(std::move(*series));
}

Result<std::vector<graphite::Series>> StoreSeriesSource::fetch_tagged(
    std::vector<std::string> const& tag_expressions, graphite::Window const& window) const {
  auto const query = graphite::parse_tag_query(tag_expressions);
  if (!query) return query.error();
  // In this order: what leaves memory meanwhile is then in both.
  TagIndex const& living = tag_index();
  auto const most = most_kept(window);
  auto const dead = dead_->tagged(*query, bounds(window, most));
  if (!dead) return refused(dead.error(), most, window);
  auto const matched = living.leaves(*query, most, *dead, window.budget);
  if (!matched) return refused(matched.error(), most, window);
  auto leaves = std::make_shared<std::vector<MatchedLeaf>>();
  std::vector<MatchedLeaf> foreign;
  std::vector<Tags const*> tags;  // of `leaves`
  std::map<std::string_view, Tags const*> foreign_tags;
  for (TaggedLeaf const& one : **matched) {
    if (one.leaf.leaf.view == View::foreign) {
      foreign.push_back(one.leaf);
      foreign_tags.emplace(one.leaf.own_path, &one.tags);
    } else {
      leaves->push_back(one.leaf);
      tags.push_back(&one.tags);
    }
  }
  index();  // knows the hosts
  auto const series = series_of(std::move(leaves), {}, window);
  if (!series) return series.error();
  auto all = (*series)->take_all();
  if (!all) return all;
  for (std::size_t i = 0; i < all->size(); ++i) (*all)[i].tags = *tags[i];
  if (foreign.empty()) return all;
  auto const unread = foreign_of(std::move(foreign), {}, window);
  if (!unread) return unread.error();
  auto others = (*unread)->take_all();
  if (!others) return others;
  for (graphite::Series& one : *others) {
    one.tags = *foreign_tags.at(one.name);
    all->push_back(std::move(one));
  }
  std::ranges::sort(*all, {}, &graphite::Series::name);
  return all;
}

TagIndex const& StoreSeriesSource::tag_index() const {
  tags_->follow(store_.entities());
  return *tags_;
}

Result<std::vector<MembersPtr>> StoreSeriesSource::entities(std::string_view pattern) const {
  auto const compiled = graphite::PathPattern::compile(pattern);
  if (!compiled) return compiled.error();
  auto all = index().all([](EntityKind) { return true; });
  std::erase_if(all, [&](MembersPtr const& members) { return !compiled->matches(members->path); });
  DeadBounds anything;
  anything.limit = options_.most_nodes;
  auto const dead = dead_->places(*compiled, DeadIndex::Below::nothing, anything);
  if (!dead) return dead.error();
  join_dead(all, *dead);
  std::ranges::move(foreign_index().parents(*compiled), std::back_inserter(all));
  std::ranges::sort(all, {}, [](MembersPtr const& members) { return members->path; });
  return all;
}

void StoreSeriesSource::join_dead(std::vector<MembersPtr>& members,
                                  DeadIndex::Found const& dead) const {
  if (dead.empty()) return;
  std::erase_if(members, [&](MembersPtr const& one) { return dead.contains(one->path); });
  for (auto const& [path, entities] : dead) members.push_back(index_->joined(path, entities));
}

Result<std::vector<MatchedLeaf>> StoreSeriesSource::foreign_series(std::string_view pattern) const {
  auto const compiled = graphite::PathPattern::compile(pattern);
  if (!compiled) return compiled.error();
  return foreign_index().leaves(*compiled, options_.most_series);
}

Result<std::vector<MatchedLeaf>> StoreSeriesSource::foreign_series(
    graphite::TagQuery const& query) const {
  auto const matched = tag_index().leaves(query, options_.most_series);
  if (!matched) return matched.error();
  std::vector<MatchedLeaf> all;
  for (TaggedLeaf const& one : **matched)
    if (one.leaf.leaf.view == View::foreign) all.push_back(one.leaf);
  return all;
}

Result<std::vector<std::string>> StoreSeriesSource::paths(graphite::QueryBudget* budget) const {
  constexpr std::size_t most_paths = 1'000'000;
  std::vector<std::string> paths;
  for (MembersPtr const& members : index().all([](EntityKind) { return true; })) {
    for (auto const& [name, leaf] : members->leaves->leaves)
      paths.push_back(members->path + "." + name);
    if (paths.size() > most_paths)
      return Error{Errc::too_large, 0, "more than 1000000 series: use /metrics/find",
                   graphite::query_limit::series};
    if (!graphite::work(budget, 16 * members->leaves->leaves.size()))
      return graphite::go_on(budget).error();
  }
  if (auto done = foreign_index().append_paths(paths, most_paths, budget); !done)
    return done.error();
  std::ranges::sort(paths);
  return paths;
}

Result<std::vector<graphite::FoundNode>> StoreSeriesSource::find(
    std::string_view pattern, graphite::Window const& window) const {
  auto const compiled = graphite::PathPattern::compile(pattern);
  if (!compiled) return compiled.error();
  auto nodes = index().nodes(*compiled, options_.most_nodes, window.budget);
  if (!nodes) return nodes;
  auto foreign =
      foreign_index().nodes(*compiled, options_.most_nodes - nodes->size(), window.budget);
  if (!foreign) return foreign;
  auto dead = dead_->nodes(*compiled, bounds(window, options_.most_nodes));
  if (!dead) return dead;
  if (foreign->empty() && dead->empty()) return nodes;
  std::ranges::move(*foreign, std::back_inserter(*nodes));
  std::ranges::move(*dead, std::back_inserter(*nodes));
  auto const place = [](graphite::FoundNode const& node) { return std::tie(node.path, node.leaf); };
  // One index alone has them in order.
  if (!std::ranges::is_sorted(*nodes, {}, place)) std::ranges::sort(*nodes, {}, place);
  auto const twice = std::ranges::unique(*nodes, {}, place);
  nodes->erase(twice.begin(), twice.end());
  return nodes;
}

Result<std::unique_ptr<ForeignSeries>> StoreSeriesSource::foreign_of(
    std::vector<MatchedLeaf> leaves, std::string_view pattern,
    graphite::Window const& window) const {
  static graphite::CarbonFiles const defaults;
  auto const files = options_.carbon_files ? options_.carbon_files() : nullptr;
  return ForeignSeries::make(store_, files ? *files : defaults, std::move(leaves), pattern, window,
                             options_.most_values);
}

Result<std::vector<graphite::Event>> StoreSeriesSource::events(
    std::vector<std::string> const& tags, graphite::Window const& window) const {
  if (!options_.events) return std::vector<graphite::Event>();
  return options_.events(tags, window.from, window.until);
}

Result<std::vector<graphite::Lost>> StoreSeriesSource::lost(
    std::vector<std::string> const& patterns, graphite::Window const& window) const {
  std::vector<graphite::Lost> out;
  if (!options_.events) return out;
  // An event stands at its first tick.
  auto const losses = options_.events({"loss"}, window.from - longest_loss, window.until);
  if (!losses) return losses.error();
  if (losses->empty()) return out;
  std::vector<MembersPtr> shown;
  for (auto const& pattern : patterns) {
    auto const its = matched(pattern, window, options_.most_series);
    if (!its) continue;  // a query by tags
    for (auto const& leaf : *its->leaves)
      if (shown.empty() || shown.back() != leaf.members) shown.push_back(leaf.members);
  }
  out = lost_figures(*losses, shown, *store_.entities());
  std::erase_if(out, [&](graphite::Lost const& one) { return one.last < window.from; });
  return out;
}

Result<void> StoreSeriesSource::points(WallTime from, WallTime until,
                                       PointSelection const& selection,
                                       PointVisitor const& visit) const {
  auto const wanted = [&](EntityKind kind) { return selected(selection, kind); };
  rollup::HostTicks host_ticks(store_);
  auto all = index().all(wanted);
  if (selection.instances) {
    DeadBounds bounds;
    bounds.from = from;
    bounds.until = until;
    bounds.limit = options_.most_dead_rows;
    auto const dead = dead_->all(bounds);
    if (!dead) return dead.error();
    join_dead(all, *dead);
  }
  for (MembersPtr const& members : all) {
    std::vector<Leaf> leaves;
    for (auto const& [name, leaf] : members->leaves->leaves) leaves.push_back(leaf);
    std::vector<std::map<WallTime, double>> values(leaves.size());  // the latest start's stay
    LeafValues rows(members->entities.back().entity.key.kind, leaves);
    for (store::EntityInfo const& entity : members->entities) {
      if (entity.first_tick > until) continue;
      auto const done = rows.read(
          store_, host_ticks,
          [this](EntityKey const& container) { return index_->host(container.host); }, entity,
          from + Nanoseconds(1), until);
      if (!done) return done.error().within(members->path);
      rows.visit([&](std::size_t leaf, WallTime tick, double value) {
        values[leaf].insert_or_assign(tick, value);
      });
    }
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (values[i].empty()) continue;
      std::string const& leaf = members->leaves->leaves[i].first;
      std::string const path = members->path + "." + leaf;
      PointPlace const place{path, members->path, leaf, members->entities.back().entity};
      for (auto const& [tick, value] : values[i]) visit(place, value, tick);
    }
  }
  return {};
}

// Of those that live; else of those that are over.
MembersPtr StoreSeriesSource::at_or_above(std::string_view path) const {
  if (auto members = index().at_or_above(path)) return members;
  auto dead = dead_->at_or_above(path);
  if (!dead || dead->empty()) return nullptr;
  auto const nodes = entity_path(dead->back().entity, options_.prefix);
  return index_->joined(joined_path(nodes), *dead);
}

std::map<std::string, std::string> StoreSeriesSource::labels_of(std::string_view path) const {
  if (auto const tags = path.find(';'); tags != std::string_view::npos)
    return read_tag_suffix(path.substr(tags));
  auto const members = at_or_above(path);
  if (!members) return {};
  return entity_labels(members->entities.back().entity);
}

namespace {

constexpr std::size_t ticks_without = 3;  // that prove an end; a read may fail once
constexpr std::int64_t looked_back = 12;  // steps

}  // namespace

bool StoreSeriesSource::ended(std::string_view path, WallTime tick) const {
  auto const members = at_or_above(path);
  if (!members) return false;
  rollup::HostTicks host_ticks(store_);
  static constexpr std::array any_column{metric::cpu_usage};
  for (store::EntityInfo const& info : members->entities) {
    if (info.entity.key.kind != EntityKind::container) return false;
    auto const from = tick - info.step * looked_back;
    WallTime listed{};  // for the last time
    auto const scanned =
        store_.scan(info.id, any_column, from, tick,
                    [&](WallTime at, std::span<Cell const>) { listed = std::max(listed, at); });
    auto const ticks =
        host_ticks.between(index_->host(info.entity.key.host), std::max(from, listed), tick);
    if (!scanned || !ticks) return false;
    auto const since = std::distance((*ticks)->upper_bound(listed), (*ticks)->upper_bound(tick));
    if (since < static_cast<std::ptrdiff_t>(ticks_without)) return false;
  }
  return true;
}

}  // namespace dadvisor::aggregator::series
