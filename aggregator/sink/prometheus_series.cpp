#include "aggregator/sink/prometheus_series.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "aggregator/series/entity_path.hpp"
#include "aggregator/sink/write_request.hpp"
#include "graphite-bridge/format/utf8.hpp"

namespace dadvisor::aggregator::sink {

namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

// [a-zA-Z_:][a-zA-Z0-9_:]*
std::string metric_name(std::string_view leaf) {
  std::string name = "dadvisor_";
  for (char const c : leaf) {
    bool const kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += kept ? c : '_';
  }
  return name;
}

}  // namespace

PrometheusEntity::PrometheusEntity(Entity const& entity)
    : rolls_up(entity.key.kind == EntityKind::app || entity.key.kind == EntityKind::total) {
  auto known = series::entity_labels(entity);
  // Without a name of its own a container is told from its app's others by its identifier.
  if (entity.key.kind == EntityKind::container)
    known.try_emplace("instance", series::instance_node(entity));
  std::vector<std::string> values;  // holds what the labels look at
  Labels labels;
  constexpr std::string_view names[] = {"app", "cluster", "host", "instance", "kind", "owner"};
  values.reserve(std::size(names));
  for (auto const name : names) {
    auto const found = known.find(std::string(name));
    if (found == known.end()) continue;
    values.push_back(graphite::valid_utf8(found->second));
    labels.emplace_back(name, values.back());
  }
  before_stat = encode_labels(labels);
}

std::string prometheus_labels(PrometheusEntity const& entity, std::string_view leaf) {
  std::string_view stat;
  if (entity.rolls_up) {
    stat = leaf.substr(0, leaf.find('.'));
    leaf.remove_prefix(std::min(leaf.size(), stat.size() + 1));
  }
  return encode_labels({{"__name__", metric_name(leaf)}}) + entity.before_stat +
         encode_labels({{"stat", stat}});
}

}  // namespace dadvisor::aggregator::sink
