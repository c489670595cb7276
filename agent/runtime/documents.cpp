#include "agent/runtime/documents.hpp"

#include <boost/json.hpp>
#include <limits>

namespace dadvisor::agent::documents {

namespace {

namespace json = boost::json;

// One list of members serves writing and reading, so that no member can be told and not heard.
class Writer {
 public:
  static constexpr bool reads = false;
  json::object object;

  void member(char const* name, std::string& text) {
    if (!text.empty()) object.emplace(name, text);
  }
  void member(char const* name, bool& truth) {
    if (truth) object.emplace(name, true);
  }
  void member(char const* name, std::int64_t& number) {
    if (number != 0) object.emplace(name, number);
  }
  void member(char const* name, std::uint64_t& number) {
    if (number != 0) object.emplace(name, number);
  }
  void member(char const* name, std::optional<std::int64_t>& number) {
    if (number) object.emplace(name, *number);
  }
  void member(char const* name, std::vector<std::string>& texts) {
    if (!texts.empty()) object.emplace(name, json::array(texts.begin(), texts.end()));
  }
  void member(char const* name, std::map<std::string, std::string>& pairs) {
    if (pairs.empty()) return;
    json::object made;
    for (auto const& [key, value] : pairs) made.emplace(key, value);
    object.emplace(name, std::move(made));
  }
  template <typename Struct>
  void part(char const* name, Struct& its) {
    Writer inner;
    members(inner, its);
    object.emplace(name, std::move(inner.object));
  }
};

class Taker {
 public:
  static constexpr bool reads = true;
  explicit Taker(json::object const& object) : object_(object) {}

  void member(char const* name, std::string& text) {
    auto const* value = object_.if_contains(name);
    if (auto const* told = value ? value->if_string() : nullptr) text = text_of(*told);
  }
  void member(char const* name, bool& truth) {
    auto const* value = object_.if_contains(name);
    if (auto const* told = value ? value->if_bool() : nullptr) truth = *told;
  }
  void member(char const* name, std::int64_t& number) {
    auto const* value = object_.if_contains(name);
    if (auto const* told = value ? value->if_int64() : nullptr) number = *told;
  }
  void member(char const* name, std::uint64_t& number) {
    std::int64_t told = 0;
    member(name, told);
    if (told > 0) number = static_cast<std::uint64_t>(told);
  }
  void member(char const* name, std::optional<std::int64_t>& number) {
    auto const* value = object_.if_contains(name);
    if (auto const* told = value ? value->if_int64() : nullptr) number = *told;
  }
  void member(char const* name, std::vector<std::string>& texts) {
    auto const* value = object_.if_contains(name);
    auto const* told = value ? value->if_array() : nullptr;
    if (!told) return;
    for (auto const& one : *told)
      if (auto const* text = one.if_string()) texts.push_back(text_of(*text));
  }
  void member(char const* name, std::map<std::string, std::string>& pairs) {
    auto const* value = object_.if_contains(name);
    auto const* told = value ? value->if_object() : nullptr;
    if (!told) return;
    for (auto const& one : *told)
      if (auto const* text = one.value().if_string())
        pairs.emplace(std::string(one.key().data(), one.key().size()), text_of(*text));
  }
  template <typename Struct>
  void part(char const* name, Struct& its) {
    auto const* value = object_.if_contains(name);
    auto const* told = value ? value->if_object() : nullptr;
    if (!told) return;
    Taker inner(*told);
    members(inner, its);
  }
  bool has(char const* name) const { return object_.contains(name); }

 private:
  static std::string text_of(json::string const& text) { return {text.data(), text.size()}; }
  json::object const& object_;
};

template <typename Visitor>
void members(Visitor& visit, Hello& hello) {
  if constexpr (Visitor::reads) hello.format = 0;  // one that does not say
  visit.member("format", hello.format);
  visit.member("run", hello.run);
}

template <typename Visitor>
void members(Visitor& visit, Container& its) {
  visit.member("id", its.id);
  visit.member("name", its.name);
  visit.member("image", its.image);
  visit.member("pid", its.pid);
  visit.member("running", its.running);
  visit.member("paused", its.paused);
  visit.member("started_ns", its.started_ns);
  visit.member("restart_count", its.restart_count);
  visit.member("finished_ns", its.finished_ns);
  visit.member("exit_code", its.exit_code);
  visit.member("oom_killed", its.oom_killed);
  visit.member("error", its.error);
  visit.member("network_mode", its.network_mode);
  visit.member("layer", its.layer);
  visit.member("volumes", its.volumes);
  visit.member("labels", its.labels);
  visit.member("env", its.env);
  visit.member("runtime", its.runtime);
  visit.member("cgroup", its.cgroup);
  visit.member("names_only", its.names_only);
}

template <typename Visitor>
void members(Visitor& visit, Gone& gone) {
  visit.member("id", gone.id);
}

template <typename Visitor>
void members(Visitor& visit, Updated& updated) {
  visit.member("id", updated.id);
}

template <typename Visitor>
void members(Visitor& visit, Told& told) {
  visit.member("number", told.number);
  bool oom = told.event.kind == RuntimeEvent::Kind::oom;
  visit.member("oom", oom);
  told.event.kind = oom ? RuntimeEvent::Kind::oom : RuntimeEvent::Kind::exit;
  visit.member("time_ns", told.event.time_ns);
  visit.member("exit_code", told.event.exit_code);
  visit.member("oom_killed", told.event.oom_killed);
  visit.part("container", told.event.container);
}

template <typename Visitor>
void members(Visitor& visit, RuntimeCounters& counters) {
  visit.member("starts", counters.starts);
  visit.member("exits", counters.exits);
  visit.member("ooms", counters.ooms);
  visit.member("events", counters.events);
  visit.member("duplicate_events", counters.duplicate_events);
  visit.member("connects", counters.connects);
  visit.member("failures", counters.failures);
  visit.member("malformed", counters.malformed);
  visit.member("untold", counters.untold);
  visit.member("dropped", counters.dropped);
}

template <typename Visitor>
void members(Visitor& visit, Error& error) {
  auto code = static_cast<std::int64_t>(error.code);
  std::int64_t number = error.os_error;
  visit.member("code", code);
  visit.member("os_error", number);
  visit.member("text", error.context);
  error.code =
      code >= 0 && code <= static_cast<std::int64_t>(Errc::io) ? static_cast<Errc>(code) : Errc::io;
  error.os_error = static_cast<int>(number & std::numeric_limits<int>::max());
}

template <typename Visitor>
void members(Visitor& visit, RuntimeReport::Watch& watch) {
  visit.member("asked", watch.asked);
  visit.member("up", watch.up);
  visit.part("counters", watch.counters);
  if constexpr (Visitor::reads) {
    if (visit.has("trouble")) watch.trouble.emplace();
  }
  if (watch.trouble) visit.part("trouble", *watch.trouble);
}

template <typename Visitor>
void members(Visitor& visit, RuntimeReport& report) {
  visit.part("docker", report.docker);
  visit.part("containerd", report.containerd);
  visit.member("namespaces", report.namespaces);
  visit.member("dropped", report.dropped);
}

char const* name_of(Hello const&) { return "hello"; }
char const* name_of(Container const&) { return "container"; }
char const* name_of(Gone const&) { return "gone"; }
char const* name_of(Updated const&) { return "updated"; }
char const* name_of(Told const&) { return "told"; }
char const* name_of(RuntimeReport const&) { return "state"; }

// What a line is of all that can be too long.
Container* container_in(Document& document) {
  if (auto* container = std::get_if<Container>(&document)) return container;
  auto* told = std::get_if<Told>(&document);
  return told ? &told->event.container : nullptr;
}

std::string serialized(Document& document) {
  return std::visit(
      [](auto& its) {
        Writer whole;
        whole.part(name_of(its), its);
        return json::serialize(whole.object);
      },
      document);
}

// The document whose name is `Kind`'s, if that is what the line is.
template <typename Kind>
bool take(json::object const& line, std::function<void(Document)> const& on_document) {
  Kind its;
  auto const* value = line.if_contains(name_of(its));
  if (!value || !value->is_object()) return false;
  Taker taker(value->get_object());
  members(taker, its);
  on_document(std::move(its));
  return true;
}

json::parse_options lenient() {
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // labels hold any bytes
  options.max_depth = 8;
  return options;
}

Error malformed(std::string what) { return Error{Errc::malformed, 0, std::move(what)}; }

}  // namespace

std::string line_of(Document const& document, bool* cut) {
  auto copy = document;
  auto text = serialized(copy);
  if (auto* container = container_in(copy); container && text.size() >= longest_line) {
    container->labels.clear();
    container->env.clear();
    container->volumes.clear();
    container->error.clear();
    text = serialized(copy);
    if (cut) *cut = true;
  }
  text += '\n';
  return text;
}

Reader::Reader() : parser_({}, lenient()) {}

void Reader::reset() {
  parser_.reset();
  bytes_ = 0;
}

Result<void> Reader::feed(std::string_view bytes,
                          std::function<void(Document)> const& on_document) {
  while (!bytes.empty()) {
    auto const end = bytes.find('\n');
    auto const piece = bytes.substr(0, end);
    bytes_ += piece.size();
    if (bytes_ > longest_line) return Error{Errc::too_large, 0, "a line of more than 1 MiB"};
    boost::system::error_code failure;
    parser_.write(piece.data(), piece.size(), failure);
    if (failure) return malformed("a line that is not JSON: " + failure.message());
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    parser_.finish(failure);
    if (failure) return malformed("a line that is not JSON: " + failure.message());
    auto const value = parser_.release();
    parser_.reset();
    bytes_ = 0;
    auto const* line = value.if_object();
    if (!line || line->size() != 1) return malformed("a line without a kind");
    if (take<Container>(*line, on_document) || take<Told>(*line, on_document) ||
        take<Gone>(*line, on_document) || take<RuntimeReport>(*line, on_document) ||
        take<Updated>(*line, on_document) || take<Hello>(*line, on_document))
      continue;
  }
  return {};
}

}  // namespace dadvisor::agent::documents
