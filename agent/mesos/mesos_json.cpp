#include "agent/mesos/mesos_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace dadvisor::agent::mesos {

namespace {

namespace json = boost::json;

constexpr std::size_t longest_value = 4096;
constexpr std::size_t most_names = 20'000;

Result<json::value> parse(std::string_view text, char const* what) {
  boost::system::error_code failure;
  json::parse_options lenient;
  lenient.allow_invalid_utf8 = true;
  auto value = json::parse(json::string_view(text.data(), text.size()), failure, {}, lenient);
  if (failure)
    return Error{Errc::malformed, 0, fmt::format("{}: not JSON: {}", what, failure.message())};
  return value;
}

std::string text_in(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  auto const* text = value ? value->if_string() : nullptr;
  return text ? std::string(text->data(), std::min(text->size(), longest_value)) : std::string();
}

json::object const* object_in(json::object const* object, char const* name) {
  auto const* value = object ? object->if_contains(name) : nullptr;
  return value ? value->if_object() : nullptr;
}

// Calls `take` for each object of an array.
template <typename Take>
void each_in(json::object const& object, char const* name, Take take) {
  auto const* value = object.if_contains(name);
  auto const* entries = value ? value->if_array() : nullptr;
  if (!entries) return;
  for (auto const& entry : *entries)
    if (auto const* one = entry.if_object()) take(*one);
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Labels of an executor or a task: [{"key": ..., "value": ...}].
void keep_labels(json::object const& from, WantedKeys const& wanted, Container& container) {
  each_in(from, "labels", [&](json::object const& label) {
    auto key = text_in(label, "key");
    if (!wanted.label(key)) key = lower(std::move(key));
    if (wanted.label(key)) container.labels.emplace(std::move(key), text_in(label, "value"));
  });
}

// A task's image, of either containerizer.
std::string image_of(json::object const& task) {
  auto const* container = object_in(&task, "container");
  if (auto const* docker = object_in(container, "docker")) return text_in(*docker, "image");
  auto const* image = object_in(object_in(container, "mesos"), "image");
  for (char const* kind : {"docker", "appc"})
    if (auto const* named = object_in(image, kind)) return text_in(*named, "name");
  return {};
}

Container made(std::string const& id) {
  Container container;
  container.id = id;
  container.runtime = "mesos";
  container.names_only = true;
  return container;
}

void set(Container& container, char const* key, std::string value) {
  if (!value.empty()) container.env[key] = std::move(value);
}

void add(Names& names, Container container) {
  if (container.id.empty() || names.size() >= most_names) return;
  auto id = container.id;
  names.try_emplace(std::move(id), std::move(container));
}

void keep_task(json::object const& task, WantedKeys const& wanted, Container& container) {
  set(container, "MESOS_TASK_ID", text_in(task, "id"));
  if (auto name = text_in(task, "name"); !name.empty()) container.name = std::move(name);
  if (container.image.empty()) container.image = image_of(task);
  keep_labels(task, wanted, container);
}

// The part of a nested task's ContainerID that names its cgroup; empty: it has none of its own.
std::string nested_id(json::object const& task) {
  std::string id;
  each_in(task, "statuses", [&](json::object const& status) {
    auto const* own = object_in(object_in(&status, "container_status"), "container_id");
    if (own && own->contains("parent")) id = text_in(*own, "value");
  });
  return id;
}

void add_executor(json::object const& executor, Container const& framework,
                  WantedKeys const& wanted, Names& names) {
  auto container = framework;
  container.id = text_in(executor, "container");
  container.name = text_in(executor, "name");
  set(container, "MESOS_EXECUTOR_ID", text_in(executor, "id"));
  if (container.name.empty()) container.name = text_in(executor, "id");
  keep_labels(executor, wanted, container);
  std::vector<json::object const*> tasks;
  for (char const* list : {"tasks", "queued_tasks", "completed_tasks"})
    each_in(executor, list, [&](json::object const& task) { tasks.push_back(&task); });
  for (auto const* task : tasks)
    if (auto id = nested_id(*task); !id.empty()) {
      auto nested = framework;
      nested.id = std::move(id);
      set(nested, "MESOS_EXECUTOR_ID", text_in(executor, "id"));
      keep_task(*task, wanted, nested);
      add(names, std::move(nested));
    }
  // An executor with tasks of its own making goes by its own id, but for a pod, which is one thing.
  bool const pod = text_in(executor, "type") == "DEFAULT";
  if (!tasks.empty() && (tasks.size() == 1 || pod)) keep_task(*tasks.front(), wanted, container);
  add(names, std::move(container));
}

}  // namespace

Result<State> parse_state(std::string_view text, WantedKeys const& wanted) {
  auto const value = parse(text, "/state");
  if (!value) return value.error();
  auto const* document = value->if_object();
  if (!document || !document->contains("frameworks"))
    return Error{Errc::malformed, 0, "/state: no Mesos agent's"};
  State state;
  auto const* flags = object_in(document, "flags");
  auto root = flags ? text_in(*flags, "cgroups_root") : std::string();
  while (root.starts_with('/')) root.erase(0, 1);
  while (root.ends_with('/')) root.pop_back();
  state.cgroups_root = "/" + (root.empty() ? "mesos" : root);
  for (char const* frameworks : {"frameworks", "completed_frameworks"})
    each_in(*document, frameworks, [&](json::object const& one) {
      auto framework = made("");
      set(framework, "MESOS_FRAMEWORK_ID", text_in(one, "id"));
      set(framework, "MESOS_FRAMEWORK_NAME", text_in(one, "name"));
      for (char const* executors : {"executors", "completed_executors"})
        each_in(one, executors, [&](json::object const& executor) {
          add_executor(executor, framework, wanted, state.names);
        });
    });
  return state;
}

Result<void> add_containers(std::string_view text, Names& names) {
  auto const value = parse(text, "/containers");
  if (!value) return value.error();
  auto const* entries = value->if_array();
  if (!entries) return Error{Errc::malformed, 0, "/containers: no array"};
  for (auto const& entry : *entries) {
    auto const* one = entry.if_object();
    if (!one) continue;
    auto container = made(text_in(*one, "container_id"));
    // The whole ContainerID, of which the other is the outermost part in some versions.
    if (auto const* own = object_in(object_in(one, "container_status"), "container_id"))
      if (auto id = text_in(*own, "value"); !id.empty()) container.id = std::move(id);
    container.name = text_in(*one, "executor_name");
    set(container, "MESOS_FRAMEWORK_ID", text_in(*one, "framework_id"));
    set(container, "MESOS_EXECUTOR_ID", text_in(*one, "executor_id"));
    if (container.name.empty()) container.name = text_in(*one, "executor_id");
    if (!container.name.empty()) add(names, std::move(container));
  }
  return {};
}

}  // namespace dadvisor::agent::mesos
