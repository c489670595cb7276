#include "aggregator/notify/entry_json.hpp"

#include <array>
#include <boost/json.hpp>

#include "aggregator/alert/state_json.hpp"

namespace dadvisor::aggregator::notify {

namespace {

namespace json = boost::json;

constexpr std::array<char const*, 6> phases = {"planned", "retry",  "unknown",
                                               "sent",    "failed", "skipped"};

Error malformed(std::string_view what) {
  return Error{Errc::malformed, 0, "outbox record: " + std::string(what)};
}

std::int64_t unix_ms(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

json::object to_json(Told const& told) {
  json::object out;
  out["sequence"] = static_cast<std::int64_t>(told.sequence);
  out["status"] = alert::to_string(told.status);
  if (told.level != alert::Level::none) out["level"] = alert::to_string(told.level);
  return out;
}

// Reads one object; good() says whether all was of the right kind.
class Fields {
 public:
  explicit Fields(json::object const& object) : object_(object) {}
  bool good() const { return good_; }
  std::string text(char const* key) {
    auto const* value = object_.if_contains(key);
    if (value == nullptr) return {};
    if (auto const* string = value->if_string()) return std::string(*string);
    good_ = false;
    return {};
  }
  std::int64_t integer(char const* key) {
    auto const* value = object_.if_contains(key);
    if (value == nullptr) return 0;
    if (auto const* number = value->if_int64()) return *number;
    good_ = false;
    return 0;
  }
  WallTime time(char const* key) { return WallTime(std::chrono::milliseconds(integer(key))); }
  json::object const* object(char const* key) {
    auto const* value = object_.if_contains(key);
    if (value != nullptr && !value->is_object()) good_ = false;
    return value == nullptr ? nullptr : value->if_object();
  }

 private:
  json::object const& object_;
  bool good_ = true;
};

std::optional<Told> told_from(json::object const& object) {
  Fields fields(object);
  auto const status = alert::status_of(fields.text("status"));
  auto const level = alert::level_of(fields.text("level"));
  Told told{static_cast<std::uint64_t>(fields.integer("sequence")),
            status.value_or(alert::Status::ok), level.value_or(alert::Level::none)};
  if (!fields.good() || !status || !level) return std::nullopt;
  return told;
}

}  // namespace

char const* to_string(Phase phase) { return phases[static_cast<std::size_t>(phase)]; }

std::string outbox_header() {
  return json::serialize(json::object{{"type", "outbox"}, {"version", 1}});
}

std::string entry_record(Entry const& entry) {
  json::object out;
  out["type"] = "entry";
  out["incident"] = entry.incident;
  out["receiver"] = entry.receiver;
  out["phase"] = to_string(entry.phase);
  out["planned"] = unix_ms(entry.planned);
  out["changed"] = unix_ms(entry.changed);
  out["due"] = unix_ms(entry.due);
  out["attempts"] = entry.attempts;
  out["doubts"] = entry.doubts;
  if (!entry.batch.empty()) out["batch"] = entry.batch;
  if (entry.flying) {
    auto flying = to_json(*entry.flying);
    flying["batch"] = entry.flying_batch;
    out["flying"] = std::move(flying);
  }
  if (entry.told) out["told"] = to_json(*entry.told);
  if (!entry.detail.empty()) out["detail"] = entry.detail;
  out["notice"] = alert::to_json(entry.notice);
  return json::serialize(out);
}

Result<std::optional<Entry>> parse_outbox_record(std::string_view record) {
  boost::system::error_code error;
  auto const value = json::parse(record, error);
  if (error || !value.is_object()) return malformed("not a JSON object");
  Fields fields(value.get_object());
  auto const type = fields.text("type");
  if (type == "outbox") {
    if (fields.integer("version") != 1) return malformed("version");
    return std::optional<Entry>();
  }
  if (type != "entry") return malformed("type");
  Entry entry;
  entry.incident = fields.text("incident");
  entry.receiver = fields.text("receiver");
  auto const phase = fields.text("phase");
  auto const found = std::find(phases.begin(), phases.end(), phase);
  if (found == phases.end()) return malformed("phase");
  entry.phase = static_cast<Phase>(found - phases.begin());
  entry.planned = fields.time("planned");
  entry.changed = fields.time("changed");
  entry.due = fields.time("due");
  entry.attempts = static_cast<std::uint32_t>(fields.integer("attempts"));
  entry.doubts = static_cast<std::uint32_t>(fields.integer("doubts"));
  entry.batch = fields.text("batch");
  entry.detail = fields.text("detail");
  if (auto const* flying = fields.object("flying")) {
    entry.flying = told_from(*flying);
    if (!entry.flying) return malformed("flying");
    entry.flying_batch = Fields(*flying).text("batch");
  }
  if (auto const* told = fields.object("told")) {
    entry.told = told_from(*told);
    if (!entry.told) return malformed("told");
  }
  auto const* notice = value.get_object().if_contains("notice");
  if (notice == nullptr) return malformed("notice");
  auto parsed = alert::transition_from_json(*notice);
  if (!parsed) return parsed.error();
  entry.notice = std::move(*parsed);
  if (!fields.good() || entry.incident.empty() || entry.receiver.empty())
    return malformed("a field of the wrong kind");
  return std::optional(std::move(entry));
}

}  // namespace dadvisor::aggregator::notify
