#include "aggregator/series/entity_path.hpp"

#include "graphite-bridge/glob.hpp"
#include "graphite-bridge/path_node.hpp"

namespace dadvisor::aggregator::series {
namespace {

std::string_view label(Entity const& entity, std::string_view key, std::string_view otherwise) {
  for (auto const& [name, value] : entity.labels)
    if (name == key && !value.empty()) return value;
  return otherwise;
}

bool rolled_up(EntityKind kind) { return kind == EntityKind::app || kind == EntityKind::total; }

std::string_view cluster(Entity const& entity) {
  // Not one expression: a text and a literal would meet in a temporary.
  std::string_view otherwise = "default";
  if (rolled_up(entity.key.kind)) otherwise = entity.key.host;
  return label(entity, "cluster", otherwise);
}

std::string app_node(std::string_view app) {
  return app.starts_with('/') ? graphite::encode_marathon_id(app) : graphite::encode_node(app);
}

// Twelve digits name a container without a name of its own, as Docker's own lists do.
constexpr std::size_t id_digits = 12;

}  // namespace

std::string joined_path(std::vector<std::string> const& nodes) {
  std::string path;
  for (std::string const& node : nodes) {
    if (!path.empty()) path += '.';
    path += node;
  }
  return path;
}

std::string instance_node(Entity const& container) {
  auto const id = std::string_view(container.key.container_id).substr(0, id_digits);
  return graphite::encode_node(label(container, "instance", id));
}

std::vector<std::string> entity_path(Entity const& entity, std::string_view prefix) {
  std::vector<std::string> nodes;
  if (entity.key.kind == EntityKind::foreign) {
    if (!entity.key.container_id.empty())
      for (std::string_view const node : graphite::split_nodes(entity.key.container_id))
        nodes.emplace_back(node);
    return nodes;
  }
  for (std::string_view const node : graphite::split_nodes(prefix))
    if (!node.empty()) nodes.emplace_back(node);
  nodes.push_back(graphite::encode_node(cluster(entity)));
  EntityKey const& key = entity.key;
  switch (key.kind) {
    case EntityKind::host:
      nodes.emplace_back("hosts");
      nodes.push_back(graphite::encode_node(label(entity, "host", key.host)));
      break;
    case EntityKind::container:
      nodes.emplace_back("instances");
      nodes.push_back(app_node(label(entity, "app", "unknown")));
      nodes.push_back(instance_node(entity));
      break;
    case EntityKind::app:
      nodes.emplace_back("apps");
      nodes.push_back(app_node(key.container_id));
      break;
    case EntityKind::total:
      nodes.emplace_back("total");
      break;
    case EntityKind::foreign:  // had its nodes above
      break;
  }
  return nodes;
}

std::map<std::string, std::string> entity_labels(Entity const& entity) {
  std::map<std::string, std::string> labels(entity.labels.begin(), entity.labels.end());
  labels.insert_or_assign("cluster", std::string(cluster(entity)));
  EntityKey const& key = entity.key;
  switch (key.kind) {
    case EntityKind::host:
      labels["kind"] = "host";
      break;
    case EntityKind::container:
      labels["kind"] = "instance";
      break;
    case EntityKind::app:
      labels["kind"] = "app";
      labels.emplace("app", key.container_id);
      break;
    case EntityKind::total:
      labels["kind"] = "total";
      break;
    case EntityKind::foreign:  // has nothing but its path
      return {};
  }
  if (!rolled_up(key.kind)) labels.emplace("host", key.host);
  return labels;
}

}  // namespace dadvisor::aggregator::series
