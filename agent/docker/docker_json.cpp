#include "agent/docker/docker_json.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <optional>

namespace dadvisor::agent {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_value = 4096;
constexpr std::size_t largest_event = 1 << 20;

Error malformed(std::string what) { return Error{Errc::malformed, 0, std::move(what)}; }

// A label may hold any bytes; they are escaped where they are shown.
json::parse_options lenient() {
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  return options;
}

Result<json::value> parse(std::string_view text, char const* what) {
  boost::system::error_code ec;
  auto value = json::parse(json::string_view(text.data(), text.size()), ec, {}, lenient());
  if (ec) return malformed(fmt::format("{}: not JSON: {}", what, ec.message()));
  return value;
}

json::value const* member(json::object const& object, char const* name) {
  return object.if_contains(name);
}

json::object const* object_in(json::object const& object, char const* name) {
  auto const* value = member(object, name);
  return value ? value->if_object() : nullptr;
}

std::string text_in(json::object const& object, char const* name) {
  auto const* value = member(object, name);
  auto const* text = value ? value->if_string() : nullptr;
  return text ? std::string(text->data(), std::min<std::size_t>(text->size(), longest_value))
              : std::string();
}

std::int64_t number_in(json::object const& object, char const* name) {
  auto const* value = member(object, name);
  auto const* number = value ? value->if_int64() : nullptr;
  return number ? *number : 0;
}

bool truth_in(json::object const& object, char const* name) {
  auto const* value = member(object, name);
  auto const* truth = value ? value->if_bool() : nullptr;
  return truth && *truth;
}

std::string cut(std::string_view text) { return std::string(text.substr(0, longest_value)); }

void keep_labels(json::object const& config, WantedKeys const& wanted, Container& container) {
  auto const* labels = object_in(config, "Labels");
  if (!labels) return;
  for (auto const& label : *labels) {
    std::string_view const key(label.key().data(), label.key().size());
    auto const* value = label.value().if_string();
    if (value && wanted.label(key)) {
      container.labels.emplace(key, cut({value->data(), value->size()}));
    }
  }
}

void keep_env(json::object const& config, WantedKeys const& wanted, Container& container) {
  auto const* env = member(config, "Env");
  auto const* entries = env ? env->if_array() : nullptr;
  if (!entries) return;
  for (auto const& entry : *entries) {
    auto const* text = entry.if_string();
    if (!text) continue;
    std::string_view const pair(text->data(), text->size());
    auto const equals = pair.find('=');
    if (equals == std::string_view::npos || !wanted.env(pair.substr(0, equals))) continue;
    container.env.emplace(pair.substr(0, equals), cut(pair.substr(equals + 1)));
  }
}

// Only of the kind "volume": a bind mount may be the whole host.
void keep_directories(json::object const& document, Container& container) {
  if (auto const* driver = object_in(document, "GraphDriver"))
    if (auto const* data = object_in(*driver, "Data")) container.layer = text_in(*data, "UpperDir");
  auto const* mounts = member(document, "Mounts");
  auto const* entries = mounts ? mounts->if_array() : nullptr;
  if (!entries) return;
  for (auto const& entry : *entries) {
    auto const* mount = entry.if_object();
    if (!mount || text_in(*mount, "Type") != "volume") continue;
    if (auto source = text_in(*mount, "Source"); source.starts_with('/'))
      container.volumes.push_back(std::move(source));
  }
}

// Mesos mounts a task's sandbox, whose place names the task where its environment does not:
// ".../slaves/S/frameworks/F/executors/E/runs/C".
void keep_sandbox(json::object const& document, Container& container) {
  auto const* mounts = member(document, "Mounts");
  auto const* entries = mounts ? mounts->if_array() : nullptr;
  if (!entries || container.env.contains("MESOS_EXECUTOR_ID")) return;
  for (auto const& entry : *entries) {
    auto const* mount = entry.if_object();
    auto const source = mount ? text_in(*mount, "Source") : std::string();
    constexpr std::string_view begin = "/executors/", end = "/runs/";
    auto const at = source.rfind(begin);
    auto const last = source.rfind(end);
    if (at == std::string::npos || last == std::string::npos || last <= at + begin.size() ||
        source.rfind("/frameworks/", at) == std::string::npos)
      continue;
    auto const name = source.substr(at + begin.size(), last - at - begin.size());
    if (name.find('/') == std::string::npos) container.env.emplace("MESOS_EXECUTOR_ID", name);
  }
}

// Takes a number of exactly `digits` digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + digits, number);
  if (failure != std::errc() || end != text.data() + digits || number < 0) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> parse_exit_code(std::string const& text) {
  std::int64_t code = 0;
  auto const* const last = text.data() + text.size();
  auto const [end, failure] = std::from_chars(text.data(), last, code);
  if (failure != std::errc() || end != last) return std::nullopt;
  return code;
}

struct Version {
  int major = 0;
  int minor = 0;
  auto operator<=>(Version const&) const = default;
};

std::optional<Version> parse_version(std::string_view text) {
  Version version;
  auto const* const last = text.data() + text.size();
  auto const [dot, failure] = std::from_chars(text.data(), last, version.major);
  if (failure != std::errc() || dot == last || *dot != '.') return std::nullopt;
  auto const [end, second_failure] = std::from_chars(dot + 1, last, version.minor);
  if (second_failure != std::errc() || end != last) return std::nullopt;
  return version;
}

}  // namespace

std::int64_t parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  auto const year_number = take_digits(text, 4);
  if (!year_number || !take(text, '-')) return 0;
  auto const month_number = take_digits(text, 2);
  if (!month_number || !take(text, '-')) return 0;
  auto const day_number = take_digits(text, 2);
  if (!day_number || !take(text, 'T')) return 0;
  auto const hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return 0;
  auto const minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return 0;
  auto const second = take_digits(text, 2);
  year_month_day const date(year(*year_number), month(static_cast<unsigned>(*month_number)),
                            day(static_cast<unsigned>(*day_number)));
  if (!second || !date.ok() || *year_number < 1970 || *year_number > 2200) return 0;
  std::int64_t fraction = 0;
  if (take(text, '.')) {
    std::int64_t unit = 100'000'000;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      fraction += unit * (text.front() - '0');
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  minutes offset{0};
  if (!take(text, 'Z')) {
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return 0;
    int const sign = text[0] == '-' ? -1 : 1;
    text.remove_prefix(1);
    auto const hours_off = take_digits(text, 2);
    if (!hours_off || !take(text, ':')) return 0;
    auto const minutes_off = take_digits(text, 2);
    if (!minutes_off) return 0;
    offset = minutes(sign * (*hours_off * 60 + *minutes_off));
  }
  auto const time = sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second) - offset;
  return std::max<std::int64_t>(0, nanoseconds(time.time_since_epoch()).count() + fraction);
}

std::string lesser_version(std::string_view theirs, std::string_view ours) {
  auto const their_version = parse_version(theirs);
  bool const lesser = their_version && *their_version < parse_version(ours).value();
  return std::string(lesser ? theirs : ours);
}

Result<Container> parse_inspect(std::string_view text, WantedKeys const& wanted) {
  auto const value = parse(text, "inspect");
  if (!value) return value.error();
  auto const* document = value->if_object();
  if (!document) return malformed("inspect: not an object");
  Container container;
  container.id = text_in(*document, "Id");
  auto const* state = object_in(*document, "State");
  if (!is_container_id(container.id) || !state) return malformed("inspect: no Id or no State");
  container.name = text_in(*document, "Name");
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  container.pid = number_in(*state, "Pid");
  container.paused = truth_in(*state, "Paused");
  // While its restart policy waits to start it again, Docker calls it running, with pid 0.
  container.running = truth_in(*state, "Running") && container.pid > 0;
  container.started_ns = parse_rfc3339(text_in(*state, "StartedAt"));
  if (!container.running) {
    container.finished_ns = parse_rfc3339(text_in(*state, "FinishedAt"));
    if (container.finished_ns > 0) {
      auto const* code = member(*state, "ExitCode");
      if (code && code->is_int64()) container.exit_code = code->as_int64();
    }
    container.oom_killed = truth_in(*state, "OOMKilled");
    container.error = text_in(*state, "Error");
  }
  container.restart_count = number_in(*document, "RestartCount");
  if (auto const* host = object_in(*document, "HostConfig")) {
    container.network_mode = text_in(*host, "NetworkMode");
    if (container.network_mode == "default") container.network_mode = "bridge";
  }
  keep_directories(*document, container);
  if (auto const* config = object_in(*document, "Config")) {
    container.image = text_in(*config, "Image");
    keep_labels(*config, wanted, container);
    keep_env(*config, wanted, container);
  }
  keep_sandbox(*document, container);
  return container;
}

Result<std::vector<std::string>> parse_list(std::string_view text) {
  auto const value = parse(text, "list");
  if (!value) return value.error();
  auto const* entries = value->if_array();
  if (!entries) return malformed("list: not an array");
  std::vector<std::string> ids;
  for (auto const& entry : *entries) {
    auto const* object = entry.if_object();
    auto id = object ? text_in(*object, "Id") : std::string();
    if (!is_container_id(id)) return malformed("list: an entry without an Id");
    ids.push_back(std::move(id));
  }
  return ids;
}

Result<std::string> parse_api_version(std::string_view text) {
  auto const value = parse(text, "version");
  if (!value) return value.error();
  auto const* object = value->if_object();
  auto version = object ? text_in(*object, "ApiVersion") : std::string();
  if (version.empty()) return malformed("version: no ApiVersion");
  return version;
}

EventReader::EventReader() : parser_({}, lenient()) {}

void EventReader::reset() {
  parser_.reset();
  bytes_ = 0;
}

Result<void> EventReader::feed(std::string_view bytes,
                               std::function<void(DockerEvent const&)> const& on_event) {
  while (!bytes.empty()) {
    // Between two events only line ends and blanks may stand; the parser would take them for the
    // start of the next one and never be done.
    if (bytes_ == 0) {
      auto const start = bytes.find_first_not_of(" \r\n\t");
      if (start == std::string_view::npos) return {};
      bytes.remove_prefix(start);
    }
    boost::system::error_code ec;
    auto const used = parser_.write_some(bytes.data(), bytes.size(), ec);
    if (ec) return malformed("events: not JSON: " + ec.message());
    bytes.remove_prefix(used);
    bytes_ += used;
    if (bytes_ > largest_event) return Error{Errc::too_large, 0, "events: an event over 1 MiB"};
    if (!parser_.done()) continue;
    auto const value = parser_.release();
    parser_.reset();
    bytes_ = 0;
    auto const* object = value.if_object();
    if (!object) return malformed("events: not an object");
    auto const type = text_in(*object, "Type");
    if (!type.empty() && type != "container") continue;  // old daemons name no type
    DockerEvent event;
    event.action = text_in(*object, object->contains("Action") ? "Action" : "status");
    event.action.resize(std::min(event.action.size(), event.action.find(':')));
    auto const* actor = object_in(*object, "Actor");
    event.id = actor ? text_in(*actor, "ID") : text_in(*object, "id");
    event.time_nano = number_in(*object, "timeNano");
    if (auto const* attributes = actor ? object_in(*actor, "Attributes") : nullptr)
      event.exit_code = parse_exit_code(text_in(*attributes, "exitCode"));
    if (is_container_id(event.id)) on_event(event);
  }
  return {};
}

}  // namespace dadvisor::agent
