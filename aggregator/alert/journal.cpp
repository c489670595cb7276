#include "aggregator/alert/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "aggregator/alert/state_json.hpp"

namespace dadvisor::aggregator::alert {

namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::string_view prefix = "alert-";
constexpr std::string_view suffix = ".journal";

std::string file_name(Tick tick) {
  return fmt::format("{}{:012}{}", prefix, tick.time_since_epoch().count(), suffix);
}

std::optional<Tick> tick_of_name(std::string_view name) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  std::int64_t at = 0;
  auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), at);
  if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
  return Tick(seconds(at));
}

// The journal's files, oldest first.
Result<std::vector<std::pair<Tick, std::string>>> list(std::string const& directory) {
  std::vector<std::pair<Tick, std::string>> files;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    if (auto const tick = tick_of_name(it->path().filename().string()))
      files.emplace_back(*tick, it->path().string());
  if (error) return os_error(error.value(), directory);
  std::sort(files.begin(), files.end());
  return files;
}

json::array to_array(std::vector<Transition> const& transitions) {
  json::array out;
  for (auto const& transition : transitions) out.push_back(to_json(transition));
  return out;
}

Error malformed(char const* what) {
  return Error{Errc::malformed, 0, std::string("record: ") + what};
}

Result<void> apply_checkpoint(json::object const& object, Tick tick, Recovered& into) {
  auto const* states = object.if_contains("states");
  if (states == nullptr || !states->is_object()) return malformed("states");
  Recovered fresh;
  fresh.tick = tick;
  for (auto const& [rule, instances] : states->get_object()) {
    if (!instances.is_object()) return malformed("states");
    auto& rule_state = fresh.states[std::string(rule)];
    for (auto const& [instance, state] : instances.get_object()) {
      auto parsed = state_from_json(state);
      if (!parsed) return parsed.error();
      rule_state.emplace(std::string(instance), std::move(*parsed));
    }
  }
  into = std::move(fresh);
  return {};
}

Result<std::vector<Transition>> transitions_of(json::object const& object) {
  auto const* changes = object.if_contains("changes");
  if (changes == nullptr || !changes->is_array()) return malformed("changes");
  std::vector<Transition> out;
  for (auto const& change : changes->get_array()) {
    auto parsed = transition_from_json(change);
    if (!parsed) return parsed.error();
    out.push_back(std::move(*parsed));
  }
  return out;
}

bool forgets(Reason reason) {
  return reason == Reason::gone || reason == Reason::expired || reason == Reason::rule_removed;
}

// The whole file, or an error if its checkpoint is not there.
Result<Recovered> recover_file(std::string const& path) {
  auto const read = read_records(path);
  if (!read) return read.error();
  Recovered recovered;
  for (auto const& record : read->records)
    if (auto done = apply_record(record, recovered); !done) return done.error().within(path);
  if (!recovered.tick) return malformed("no checkpoint").within(path);
  recovered.torn = read->torn;
  return recovered;
}

}  // namespace

std::string checkpoint_record(Tick tick, States const& states) {
  json::object all;
  for (auto const& [rule, instances] : states) {
    json::object out;
    for (auto const& [instance, state] : instances) out[instance] = to_json(state);
    all[rule] = std::move(out);
  }
  return json::serialize(json::object{{"type", "checkpoint"},
                                      {"version", 1},
                                      {"tick", tick.time_since_epoch().count()},
                                      {"states", std::move(all)}});
}

std::string tick_record(Tick tick, std::vector<Transition> const& transitions) {
  return json::serialize(json::object{{"type", "tick"},
                                      {"tick", tick.time_since_epoch().count()},
                                      {"changes", to_array(transitions)}});
}

std::string undelivered_record(std::vector<Transition> const& notices) {
  return json::serialize(json::object{{"type", "undelivered"}, {"changes", to_array(notices)}});
}

Result<void> apply_record(std::string_view record, Recovered& into) {
  boost::system::error_code error;
  auto const value = json::parse(record, error);
  if (error || !value.is_object()) return malformed("not a JSON object");
  auto const& object = value.get_object();
  auto const* type = object.if_contains("type");
  if (type == nullptr || !type->is_string()) return malformed("type");
  auto const& kind = type->get_string();
  Tick tick{};
  if (kind != "undelivered") {
    auto const* at = object.if_contains("tick");
    if (at == nullptr || !at->is_int64()) return malformed("tick");
    tick = Tick(seconds(at->get_int64()));
  }
  if (kind == "checkpoint") {
    auto const* version = object.if_contains("version");
    if (version == nullptr || !version->is_int64() || version->get_int64() != 1)
      return malformed("version");
    return apply_checkpoint(object, tick, into);
  }
  if (kind != "tick" && kind != "undelivered") return malformed("type");
  auto transitions = transitions_of(object);
  if (!transitions) return transitions.error();
  for (auto& transition : *transitions) {
    if (kind == "tick") {
      auto& instances = into.states[transition.rule];
      if (forgets(transition.reason))
        instances.erase(transition.instance);
      else
        instances[transition.instance] = transition.state;
    }
    if (transition.notice) into.notices.push_back(std::move(transition));
  }
  if (kind == "tick") into.tick = tick;
  return {};
}

Result<Recovered> Journal::recover(std::string const& directory, Log const& log) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return os_error(error.value(), directory);
  auto files = list(directory);
  if (!files) return files.error();
  for (auto it = files->rbegin(); it != files->rend(); ++it) {
    auto recovered = recover_file(it->second);
    if (recovered) {
      if (recovered->torn)
        log.warning("{} ends within a record; what was whole is taken", it->second);
      return recovered;
    }
    log.error("{}; trying the file before it", to_string(recovered.error()));
  }
  if (files->empty()) return Recovered{};
  return Error{Errc::malformed, 0,
               directory +
                   ": no file of the alert journal can be read; move them away to begin "
                   "anew"};
}

Result<void> Journal::write(Tick tick, std::vector<Transition> const& transitions,
                            States const& after, std::vector<Transition> const& undelivered) {
  auto const record = tick_record(tick, transitions);
  bool const due = !writer_ || tick - begun_ >= options_.checkpoint_every ||
                   writer_->size() >= options_.checkpoint_bytes;
  if (due) {
    writer_.reset();
    std::vector<std::string> first = {checkpoint_record(tick, after)};
    if (!undelivered.empty()) first.push_back(undelivered_record(undelivered));
    first.push_back(record);
    auto writer = RecordWriter::create(options_.directory + "/" + file_name(tick), first);
    if (!writer) return writer.error();
    writer_ = std::move(*writer);
    begun_ = tick;
    remove_old(tick);
    return {};  // create() has synced it
  }
  auto done = writer_->append(record);
  if (done && !transitions.empty()) done = writer_->sync();
  if (!done) writer_.reset();
  return done;
}

void Journal::remove_old(Tick now) {
  auto const files = list(options_.directory);
  if (!files) return;
  for (auto const& [tick, path] : *files) {
    if (now - tick <= options_.keep) continue;
    std::error_code error;
    fs::remove(path, error);
    if (error) log_.warning("{}: {}", path, error.message());
  }
}

}  // namespace dadvisor::aggregator::alert
