#include "runtime_targets.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "agent/containerd/messages.hpp"
#include "agent/containerd/runtime_spec.hpp"
#include "agent/docker/docker_json.hpp"
#include "agent/mesos/mesos_json.hpp"
#include "agent/runtime/documents.hpp"
#include "common/grpc/message_reader.hpp"
#include "must.hpp"

namespace dadvisor::fuzz {
namespace {

using namespace agent;
namespace json = boost::json;

bool is_wanted(std::string_view key) { return !key.starts_with('x'); }
WantedKeys const wanted{is_wanted, is_wanted};

constexpr std::size_t longest_value = 4096;

void check_kept(Container const& container) {
  for (auto const* map : {&container.labels, &container.env})
    for (auto const& [key, value] : *map) {
      must(is_wanted(key), "no key is kept that is not wanted");
      must(value.size() <= longest_value, "values are cut");
    }
  must(container.image.size() <= longest_value, "an image is cut");
}

json::object text_map(std::map<std::string, std::string> const& map) {
  json::object object;
  for (auto const& [key, value] : map) object[key] = value;
  return object;
}

// As Docker would answer it; no times.
std::string inspect_of(Container const& container) {
  json::array env, mounts;
  for (auto const& [key, value] : container.env) env.emplace_back(key + "=" + value);
  for (auto const& volume : container.volumes)
    mounts.push_back(json::object{{"Type", "volume"}, {"Source", volume}});
  json::object const state{{"Running", container.running},
                           {"Paused", container.paused},
                           {"Pid", container.pid},
                           {"OOMKilled", container.oom_killed},
                           {"Error", container.error}};
  json::object const document{
      {"Id", container.id},
      {"Name", "/" + container.name},
      {"State", state},
      {"RestartCount", container.restart_count.value_or(0)},
      {"HostConfig", {{"NetworkMode", container.network_mode}}},
      {"GraphDriver", {{"Data", {{"UpperDir", container.layer}}}}},
      {"Mounts", mounts},
      {"Config",
       {{"Image", container.image}, {"Labels", text_map(container.labels)}, {"Env", env}}}};
  return json::serialize(document);
}

void take_inspect(std::string_view bytes) {
  auto container = parse_inspect(bytes, wanted);
  if (!container) return;
  check_kept(*container);
  must(is_container_id(container->id), "an id can be a part of a path");
  must(container->started_ns >= 0 && container->finished_ns >= 0, "times are since 1970");
  must(!container->running || (container->pid > 0 && container->finished_ns == 0),
       "what runs has a process and no end");
  for (auto const& volume : container->volumes)
    must(volume.starts_with('/') && volume.size() <= longest_value, "a volume is a directory");
  container->started_ns = container->finished_ns = 0;
  container->exit_code.reset();
  // JSON cannot hold all that a lenient reader lets through, and a name may begin with a slash or
  // be cut behind its end.
  auto const printed = parse_inspect(inspect_of(*container), wanted);
  must(printed.has_value(), "an inspect can be printed");
  auto const again = parse_inspect(inspect_of(*printed), wanted);
  must(again && *again == *printed, "an inspect is what it is printed");
  if (container->name.size() < longest_value) must(*printed == *container, "and so at once");
}

}  // namespace

void take_docker_json(std::string_view bytes) {
  take_inspect(bytes);
  if (auto const ids = parse_list(bytes)) {
    json::array entries;
    for (auto const& id : *ids) {
      must(is_container_id(id), "an id can be a part of a path");
      entries.push_back(json::object{{"Id", id}});
    }
    auto const again = parse_list(json::serialize(entries));
    must(again && *again == *ids, "a list is what it is printed");
  }
  if (auto const version = parse_api_version(bytes)) {
    auto const spoken = lesser_version(*version, "1.41");
    must(spoken == "1.41" || spoken == *version, "one of two is spoken");
    must(spoken.find_first_not_of("0123456789.-") == std::string::npos,
         "a version can be a part of a path");
  }
  must(parse_rfc3339(bytes) >= 0, "times are since 1970");
}

namespace {

// Hands out `bytes` in pieces of 1 to 8 or, by the seed, up to 256 bytes.
template <typename Feed>
void in_pieces(std::string_view bytes, unsigned char seed, Feed feed) {
  std::minstd_rand random(seed);
  std::size_t const most = seed % 2 == 0 ? 8 : 256;
  while (!bytes.empty()) {
    auto const size = std::min<std::size_t>(bytes.size(), 1 + random() % most);
    if (!feed(bytes.substr(0, size))) return;
    bytes.remove_prefix(size);
  }
}

}  // namespace

void take_event_stream(std::string_view bytes) {
  if (bytes.empty()) return;
  auto const seed = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  std::vector<DockerEvent> whole, pieces;
  EventReader reader;
  auto const told = reader.feed(bytes, [&](DockerEvent const& event) { whole.push_back(event); });
  for (auto const& event : whole) {
    must(is_container_id(event.id), "an id can be a part of a path");
    must(event.action.find(':') == std::string::npos, "an action is without what follows a colon");
  }
  // Another stream begins with nothing left of the one before.
  reader.reset();
  Result<void> last;
  in_pieces(bytes, seed, [&](std::string_view piece) {
    last = reader.feed(piece, [&](DockerEvent const& event) { pieces.push_back(event); });
    return last.has_value();
  });
  must(whole == pieces, "events are the same in whatever pieces they come");
  must(told.has_value() == last.has_value() && (told || told.error().code == last.error().code),
       "and so is the stream's end");
}

void take_containerd(std::string_view bytes) {
  using namespace containerd;
  static_cast<void>(parse_containers(
      bytes, "default", wanted, [](std::string const& id, Container const& container) {
        must(is_identifier(id), "an id can be a part of a path");
        must(container.id == unique_id("default", id), "a container's id is unique");
        must(container.runtime == "containerd", "and told by containerd");
        check_kept(container);
      }));
  if (auto const tasks = parse_tasks(bytes))
    for (auto const& task : *tasks) must(task.exited_ns >= 0, "times are since 1970");
  if (auto const names = parse_namespaces(bytes))
    for (auto const& name : *names)
      must(is_identifier(name), "a namespace can be a part of a path");
  if (auto const event = parse_event(bytes)) {
    must(event->time_ns >= 0 && event->exited_ns >= 0, "times are since 1970");
    must(event->exec.empty() || event->exec != event->id, "an exec is another process");
    bool const ends = event->topic == "/tasks/exit" || event->topic == "/tasks/delete";
    must(event->exit_code.has_value() == ends, "what ends has an exit code");
  }
  Container container;
  add_runtime_spec(bytes, wanted, container);
  check_kept(container);
  must(container.cgroup.empty() || container.cgroup.starts_with('/'), "a cgroup has a whole path");
}

void take_grpc(std::string_view bytes) {
  if (bytes.empty()) return;
  auto const seed = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  constexpr std::size_t most = 1024;
  std::string whole, pieces;
  auto const into = [](std::string& stream) {
    return [&stream](std::string_view message) {
      must(message.size() <= most, "a message is within its limit");
      stream += grpc::framed(message);
    };
  };
  auto const told = grpc::MessageReader(most).feed(bytes, into(whole));
  must(bytes.starts_with(whole), "frames are what they are printed");
  must(told.has_value() || bytes.size() >= whole.size() + 5, "a frame is refused by its head");
  grpc::MessageReader reader(most);
  Result<void> last;
  in_pieces(bytes, seed, [&](std::string_view piece) {
    last = reader.feed(piece, into(pieces));
    return last.has_value();
  });
  must(whole == pieces, "messages are the same in whatever pieces they come");
  must(told.has_value() == last.has_value() && (told || told.error().code == last.error().code),
       "and so is the stream's end");
}

void take_mesos_json(std::string_view bytes) {
  auto const state = mesos::parse_state(bytes, wanted);
  auto names = state ? state->names : mesos::Names();
  if (state)
    must(state->cgroups_root.starts_with('/') && state->cgroups_root.size() > 1 &&
             !state->cgroups_root.ends_with('/'),
         "a root is a path");
  auto const before = names;
  static_cast<void>(mesos::add_containers(bytes, names));
  static_cast<void>(mesos::add_containers(
      R"([{"container_id":"c","executor_name":"of /containers","framework_id":"F"}])", names));
  for (auto const& [id, container] : names) {
    must(!id.empty() && id == container.id && container.names_only && container.runtime == "mesos",
         "a name is of a container of Mesos");
    for (auto const& [key, value] : container.labels)
      must(is_wanted(key) && value.size() <= longest_value, "no label that is not wanted");
    for (auto const& [key, value] : container.env)
      must(key.starts_with("MESOS_") && !value.empty(), "no environment but what names it");
  }
  for (auto const& [id, container] : before)
    must(names.at(id) == container, "what /state tells stands");
}

// In pieces as long as the first byte says.
void take_documents(std::string_view bytes) {
  if (bytes.empty()) return;
  std::size_t const piece = 1U + static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  documents::Reader reader;
  auto const take = [](documents::Document const& document) {
    // What was understood is told again in the same words.
    bool cut = false;
    auto const line = documents::line_of(document, &cut);
    must(line.ends_with('\n') && line.find('\n') == line.size() - 1, "a line is one line");
    if (cut || line.size() > documents::longest_line) return;
    documents::Reader other;
    int heard = 0;
    auto const fed = other.feed(line, [&](documents::Document const& again) {
      ++heard;
      must(documents::line_of(again) == line, "a line that was read is written as it was");
    });
    must(fed.has_value() && heard == 1, "a line that was written can be read");
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    if (!reader.feed(bytes.substr(0, piece), take)) reader.reset();
}

}  // namespace dadvisor::fuzz
