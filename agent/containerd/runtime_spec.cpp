#include "agent/containerd/runtime_spec.hpp"

#include <boost/json.hpp>

namespace dadvisor::agent::containerd {

namespace {

namespace json = boost::json;

std::string_view text_of(json::value const& value) {
  auto const* text = value.if_string();
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

json::object const* object_in(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  return value ? value->if_object() : nullptr;
}

// What containerd's CRI part writes of a pod, under the names that kubelets use.
struct Renamed {
  std::string_view annotation;
  char const* label;
};
constexpr Renamed renamed[] = {
    {"io.kubernetes.cri.container-name", "io.kubernetes.container.name"},
    {"io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"},
    {"io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"},
    {"io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"},
    {"io.kubernetes.cri.container-type", "io.cri-containerd.kind"},
};

void add_annotation(std::string_view key, std::string_view value, WantedKeys const& wanted,
                    Container& container) {
  for (auto const& one : renamed)
    if (key == one.annotation) key = one.label;
  if (wanted.label(key)) container.labels.emplace(key, value.substr(0, longest_value));
}

}  // namespace

std::string cgroup_of(std::string_view path) {
  if (path.starts_with('/')) {
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    return path.size() > 1 ? std::string(path) : std::string();
  }
  auto const first = path.find(':');
  auto const second = path.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  auto const slice = path.substr(0, first);
  auto const prefix = path.substr(first + 1, second - first - 1);
  auto const name = path.substr(second + 1);
  constexpr std::string_view ending = ".slice";
  if (name.empty()) return {};
  std::string whole;
  if (slice.ends_with(ending) && slice != "-.slice") {
    // "a-b-c.slice" lies in "a-b.slice", and that in "a.slice".
    auto const stem = slice.substr(0, slice.size() - ending.size());
    for (auto dash = stem.find('-'); dash != std::string_view::npos;
         dash = stem.find('-', dash + 1))
      whole.append("/").append(stem.substr(0, dash)).append(ending);
    whole.append("/").append(slice);
  } else if (slice.empty()) {
    whole = "/system.slice";
  }
  if (name.ends_with(ending)) return whole.append("/").append(name);
  whole.append("/");
  if (!prefix.empty()) whole.append(prefix).append("-");
  return whole.append(name).append(".scope");
}

void add_runtime_spec(std::string_view text, WantedKeys const& wanted, Container& container) {
  boost::system::error_code failure;
  json::parse_options lenient;
  lenient.allow_invalid_utf8 = true;
  auto const value = json::parse(json::string_view(text.data(), text.size()), failure, {}, lenient);
  auto const* document = failure ? nullptr : value.if_object();
  if (!document) return;
  if (auto const* process = object_in(*document, "process"))
    if (auto const* env = process->if_contains("env"); env && env->is_array())
      for (auto const& entry : env->get_array()) {
        auto const pair = text_of(entry);
        auto const equals = pair.find('=');
        if (equals == std::string_view::npos || !wanted.env(pair.substr(0, equals))) continue;
        container.env.emplace(pair.substr(0, equals),
                              pair.substr(equals + 1).substr(0, longest_value));
      }
  if (auto const* annotations = object_in(*document, "annotations"))
    for (auto const& one : *annotations)
      add_annotation({one.key().data(), one.key().size()}, text_of(one.value()), wanted, container);
  if (auto const* kernel = object_in(*document, "linux"))
    if (auto const* path = kernel->if_contains("cgroupsPath"))
      container.cgroup = cgroup_of(text_of(*path));
}

}  // namespace dadvisor::agent::containerd
