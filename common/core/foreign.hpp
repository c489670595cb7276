#pragma once
// Points that others send by Graphite's protocols, as rows of the store: an entity is (parent path,
// step, chunk of at most 64 leaves), a leaf of it is a column of doubles, and the point of time t
// stands in the row of the slot floor(t / step). A path belongs to one entity for as long as that
// lives: its step never changes. Pure; any thread.
//
// The names of an entity's leaves are its one label, "leaves", by column, a line each; names are
// only ever added, at the end. They are logged as streams, one for some hundreds of entities of a
// step, that no agent can have.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/metric/column.hpp"
#include "common/core/row.hpp"

namespace dadvisor {

inline constexpr std::size_t foreign_leaves = 64;              // of one entity
inline constexpr std::size_t foreign_leaves_bytes = 4096;      // of their label
inline constexpr std::uint32_t foreign_chunks = 1U << 20;      // of one parent and step
inline constexpr std::int64_t longest_foreign_step = 1 << 30;  // seconds

// Metric ids that the metric table leaves free.
constexpr MetricId foreign_column(std::size_t leaf) { return static_cast<MetricId>(900 + leaf); }

inline EntityKey foreign_key(std::string parent, std::int64_t step_seconds, std::uint32_t chunk) {
  return {EntityKind::foreign, {}, std::move(parent), step_seconds * foreign_chunks + chunk};
}
inline std::int64_t foreign_step(EntityKey const& key) { return key.start_ns / foreign_chunks; }
inline std::uint32_t foreign_chunk(EntityKey const& key) {
  return static_cast<std::uint32_t>(key.start_ns % foreign_chunks);
}

inline Labels foreign_labels(std::string leaves) { return {{"leaves", std::move(leaves)}}; }
// The names, by column; views of the entity.
inline std::vector<std::string_view> foreign_leaf_names(Entity const& entity) {
  std::vector<std::string_view> names;
  if (entity.labels.empty()) return names;
  for (std::string_view left = entity.labels.front().second; !left.empty();) {
    auto const end = left.find('\n');
    names.push_back(left.substr(0, end));
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  return names;
}
// Whether `labels` know as many leaves as `known` at the least: others are of an older row.
inline bool foreign_labels_follow(Labels const& known, Labels const& labels) {
  auto const size = [](Labels const& one) {
    return one.empty() ? std::size_t{0} : one.front().second.size();
  };
  return size(labels) >= size(known);
}

// No agent id may have a control character.
inline StreamId foreign_stream(std::int64_t step_seconds, std::size_t group = 0) {
  return {"\x01graphite " + std::to_string(step_seconds) + ' ' + std::to_string(group), 1};
}
inline bool is_foreign(StreamId const& stream) { return stream.agent.starts_with('\x01'); }

}  // namespace dadvisor
