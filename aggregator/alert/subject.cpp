#include "aggregator/alert/subject.hpp"

#include <algorithm>

namespace dadvisor::aggregator::alert {

namespace {

constexpr std::size_t most_paths = 10000;  // enough to know what they agree in

bool has_node(std::string_view path, std::string_view node) {
  for (;;) {
    auto const dot = path.find('.');
    if (path.substr(0, dot) == node) return true;
    if (dot == std::string_view::npos) return false;
    path.remove_prefix(dot + 1);
  }
}

// Keeps what `other` has too.
void keep_common(LabelMap& common, LabelMap const& other) {
  std::erase_if(common, [&](auto const& entry) {
    auto const found = other.find(entry.first);
    return found == other.end() || found->second != entry.second;
  });
}

// The labels in which the paths that stand in a name agree: "asPercent(a.b.c,a.b.d)".
LabelMap labels_of_parts(std::string_view name, LabelsOf const& labels_of) {
  static constexpr std::string_view around = "(), \"'";
  std::optional<LabelMap> common;
  while (!name.empty()) {
    auto const end = std::min(name.find_first_of(around), name.size());
    auto const part = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    if (part.find('.') == std::string_view::npos) continue;
    auto const labels = labels_of(std::string(part));
    if (labels.empty()) continue;
    if (common)
      keep_common(*common, labels);
    else
      common = labels;
  }
  return common.value_or(LabelMap{});
}

}  // namespace

LabelMap subject_of(graphite::Series const& series, std::vector<std::string> const& fetched,
                    LabelsOf const& labels_of) {
  if (!labels_of) return {};
  if (auto const path = series.tags.find("name"); path != series.tags.end())
    if (auto labels = labels_of(path->second); !labels.empty()) return labels;
  if (auto labels = labels_of(series.name); !labels.empty()) return labels;
  if (auto labels = labels_of_parts(series.name, labels_of); !labels.empty()) return labels;

  bool const by_node = std::any_of(fetched.begin(), fetched.end(), [&](std::string const& path) {
    return has_node(path, series.name);
  });
  std::optional<LabelMap> common;
  std::size_t seen = 0;
  for (auto const& path : fetched) {
    if (by_node && !has_node(path, series.name)) continue;
    if (++seen > most_paths) break;
    auto const labels = labels_of(path);
    if (!common)
      common = labels;
    else
      keep_common(*common, labels);
    if (common->empty()) break;
  }
  return common.value_or(LabelMap{});
}

}  // namespace dadvisor::aggregator::alert
