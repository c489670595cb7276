#include "agent/containerd/messages.hpp"

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "agent/containerd/runtime_spec.hpp"
#include "common/core/protobuf_fields.hpp"

namespace dadvisor::agent::containerd {

namespace {

using protobuf::message_in;
using protobuf::number_in;
using protobuf::reader_of;
using protobuf::text_in;
using protozero::pbf_reader;

constexpr std::size_t longest_identifier = 76;

std::string cut(std::string_view text) { return std::string(text.substr(0, longest_value)); }

// google.protobuf.Timestamp. Go's zero time is before 1970 and means that there is none.
std::int64_t time_of(pbf_reader message) {
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  while (message.next()) {
    if (message.tag() == 1)
      seconds = number_in(message);
    else if (message.tag() == 2)
      nanos = number_in(message);
    else
      message.skip();
  }
  constexpr std::int64_t year_2200 = 7'258'118'400, second = 1'000'000'000;
  bool const sound = seconds > 0 && seconds <= year_2200 && nanos >= 0 && nanos < second;
  return sound ? seconds * second + nanos : 0;
}

// google.protobuf.Any: its value.
std::string_view value_of(pbf_reader message) {
  std::string_view value;
  while (message.next()) {
    if (message.tag() == 2)
      value = text_in(message);
    else
      message.skip();
  }
  return value;
}

void take_label(pbf_reader entry, WantedKeys const& wanted, Container& container) {
  std::string_view key, value;
  while (entry.next()) {
    if (entry.tag() == 1)
      key = text_in(entry);
    else if (entry.tag() == 2)
      value = text_in(entry);
    else
      entry.skip();
  }
  if (wanted.label(key)) container.labels[std::string(key)] = cut(value);
}

// What a person calls it: nerdctl's name, the name in the pod, or the id where somebody chose that.
std::string name_of(Container const& container, std::string const& id) {
  for (char const* label : {"nerdctl/name", "io.kubernetes.container.name"})
    if (auto const found = container.labels.find(label);
        found != container.labels.end() && !found->second.empty())
      return found->second;
  return container.id == id ? "" : id;
}

Container container_of(pbf_reader message, std::string_view name_space, WantedKeys const& wanted,
                       std::string& id) {
  Container container;
  container.runtime = "containerd";
  std::string_view spec;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        id = text_in(message);
        break;
      case 2:
        take_label(message_in(message), wanted, container);
        break;
      case 3:
        container.image = cut(text_in(message));
        break;
      case 5:
        spec = value_of(message_in(message));
        break;
      default:
        message.skip();
    }
  }
  container.id = unique_id(name_space, id);
  if (!spec.empty()) add_runtime_spec(spec, wanted, container);
  container.name = name_of(container, id);
  return container;
}

// Any message that only has submessages of one kind in field 1.
template <typename Take>
Result<void> each_in(std::string_view text, char const* what, Take take) {
  try {
    auto message = reader_of(text);
    while (message.next()) {
      if (message.tag() == 1)
        take(message_in(message));
      else
        message.skip();
    }
    return {};
  } catch (protozero::exception const& failure) {
    return Error{Errc::malformed, 0, std::string(what) + ": " + failure.what()};
  }
}

// containerd.v1.types.Process
Task task_of(pbf_reader message) {
  Task task;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        task.id = text_in(message);
        break;
      case 2:
        // Some versions tell a task's id here alone.
        if (auto const id = text_in(message); task.id.empty()) task.id = id;
        break;
      case 3:
        task.pid = number_in(message);
        break;
      case 4:
        if (auto const status = number_in(message); status >= 0 && status <= 5)
          task.status = static_cast<Task::Status>(status);
        break;
      case 9:
        task.exit_code = number_in(message);
        break;
      case 10:
        task.exited_ns = time_of(message_in(message));
        break;
      default:
        message.skip();
    }
  }
  return task;
}

// The fields of containerd.events.Task*, whose numbers differ from kind to kind.
void take_task_event(pbf_reader message, Event& event) {
  bool const exit = event.topic == "/tasks/exit";
  bool const deleted = event.topic == "/tasks/delete";
  bool const other = event.topic.starts_with("/tasks/exec-");
  while (message.next()) {
    auto const tag = message.tag();
    if (tag == 1)
      event.id = text_in(message);
    else if ((exit || other) && tag == 2)
      event.exec = text_in(message);
    else if (deleted && tag == 5)
      event.exec = text_in(message);
    else if ((event.topic == "/tasks/start" || deleted) && tag == 2)
      event.pid = number_in(message);
    else if (exit && tag == 3)
      event.pid = number_in(message);
    else if (tag == (exit ? 4U : 3U) && (exit || deleted))
      event.exit_code = number_in(message);
    else if (tag == (exit ? 5U : 4U) && (exit || deleted))
      event.exited_ns = time_of(message_in(message));
    else
      message.skip();
  }
  if ((exit || deleted) && !event.exit_code) event.exit_code = 0;  // proto3 leaves zeros out
  if (event.exec == event.id) event.exec.clear();
}

void take_id(pbf_reader message, Event& event) {
  while (message.next()) {
    if (message.tag() == 1)
      event.id = text_in(message);
    else
      message.skip();
  }
}

}  // namespace

bool is_identifier(std::string_view text) {
  auto const letter = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (text.empty() || text.size() > longest_identifier) return false;
  return letter(text.front()) && letter(text.back()) && std::ranges::all_of(text, [&](char c) {
           return letter(c) || c == '.' || c == '_' || c == '-';
         });
}

std::string unique_id(std::string_view name_space, std::string_view id) {
  if (id.size() == 64 && is_container_id(id)) return std::string(id);
  return std::string(name_space) + "/" + std::string(id);
}

Result<void> parse_containers(std::string_view message, std::string_view name_space,
                              WantedKeys const& wanted,
                              std::function<void(std::string const& id, Container)> const& take) {
  return each_in(message, "containers", [&](pbf_reader one) {
    std::string id;
    auto container = container_of(one, name_space, wanted, id);
    if (is_identifier(id)) take(id, std::move(container));
  });
}

Result<std::vector<Task>> parse_tasks(std::string_view message) {
  std::vector<Task> tasks;
  auto const read =
      each_in(message, "tasks", [&](pbf_reader one) { tasks.push_back(task_of(one)); });
  if (!read) return read.error();
  return tasks;
}

Result<std::vector<std::string>> parse_namespaces(std::string_view message) {
  std::vector<std::string> names;
  auto const read = each_in(message, "namespaces", [&](pbf_reader one) {
    while (one.next()) {
      if (one.tag() == 1)
        names.emplace_back(text_in(one));
      else
        one.skip();
    }
  });
  if (!read) return read.error();
  std::erase_if(names, [](auto const& name) { return !is_identifier(name); });
  return names;
}

Result<Event> parse_event(std::string_view text) {
  try {
    Event event;
    std::string_view body;
    auto message = reader_of(text);
    while (message.next()) {
      switch (message.tag()) {
        case 1:
          event.time_ns = time_of(message_in(message));
          break;
        case 2:
          event.name_space = text_in(message);
          break;
        case 3:
          event.topic = text_in(message);
          break;
        case 4:
          body = value_of(message_in(message));
          break;
        default:
          message.skip();
      }
    }
    if (event.topic.starts_with("/tasks/"))
      take_task_event(reader_of(body), event);
    else if (event.topic.starts_with("/containers/") || event.topic.starts_with("/namespaces/"))
      take_id(reader_of(body), event);
    return event;
  } catch (protozero::exception const& failure) {
    return Error{Errc::malformed, 0, std::string("event: ") + failure.what()};
  }
}

std::string get_request(std::string_view id) {
  std::string request;
  protozero::pbf_writer(request).add_string(1, id.data(), id.size());
  return request;
}

std::string subscribe_request() {
  std::string request;
  protozero::pbf_writer(request).add_string(
      1, R"(namespace!=moby,topic~="^/(tasks|containers|namespaces)/")");
  return request;
}

}  // namespace dadvisor::agent::containerd
