#include "aggregator/cli/store_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "common/core/log.hpp"

namespace dadvisor::aggregator::cli {
namespace {

namespace json = boost::json;

std::string span_text(store::TickNs first, store::TickNs last) {
  if (first > last) return "-";
  return utc_text(unix_seconds(store::from_tick_ns(first))) + " " +
         utc_text(unix_seconds(store::from_tick_ns(last)));
}

std::string quotient_text(std::uint64_t bytes, std::uint64_t values) {
  return values == 0
             ? "-"
             : fmt::format("{:.3f}", static_cast<double>(bytes) / static_cast<double>(values));
}

Result<json::object> answered(std::string_view body) {
  boost::system::error_code error;
  auto parsed = json::parse(body, error);
  if (error || !parsed.is_object())
    return Error{Errc::malformed, 0, "the answer is not that of a dAdvisor aggregator"};
  return std::move(parsed.get_object());
}

std::int64_t whole(json::object const& object, char const* key) {
  auto const* const value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->get_int64() : 0;
}

std::string words(json::object const& object, char const* key) {
  auto const* const value = object.if_contains(key);
  return value != nullptr && value->is_string() ? printable(std::string(value->get_string()))
                                                : std::string("-");
}

std::string moment(json::object const& object, char const* key) {
  auto const* const value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? utc_text(value->get_int64()) : std::string("-");
}

json::array const* list(json::object const& object, char const* key) {
  auto const* const value = object.if_contains(key);
  return value != nullptr && value->is_array() ? &value->get_array() : nullptr;
}

Error no_such_answer() {
  return {Errc::malformed, 0, "the answer is not that of a dAdvisor aggregator of this version"};
}

}  // namespace

std::string columns_text(std::vector<std::vector<std::string>> const& lines) {
  std::vector<std::size_t> widths;
  for (auto const& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], line[i].size());
    }
  std::string out;
  for (auto const& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      out += i + 1 == line.size() ? line[i] : fmt::format("{:<{}}  ", line[i], widths[i]);
    out += "\n";
  }
  return out;
}

std::string utc_text(std::int64_t unix_seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

std::string inspection_table(store::StoreInspection const& found) {
  std::vector<std::vector<std::string>> lines{
      {"KIND", "FILES", "BYTES", "ROWS", "ENTITIES", "BYTES/VALUE", "FIRST", "LAST"}};
  std::uint64_t bytes = found.catalogue_bytes;
  for (std::size_t i = 0; i < found.kinds.size(); ++i) {
    auto const& kind = found.kinds[i];
    bytes += kind.bytes;
    auto const first =
        kind.first > kind.last ? "-" : span_text(kind.first, kind.first).substr(0, 20);
    auto const last = kind.first > kind.last ? "-" : span_text(kind.last, kind.last).substr(0, 20);
    lines.push_back({std::string(store::store_file_kind_names[i]), std::to_string(kind.files),
                     std::to_string(kind.bytes), std::to_string(kind.rows),
                     std::to_string(kind.entities), quotient_text(kind.bytes, kind.values), first,
                     last});
  }
  lines.push_back({"catalogue", "1", std::to_string(found.catalogue_bytes), "-",
                   std::to_string(found.entities), "-", "-", "-"});
  lines.push_back({"all", "", std::to_string(bytes), "", "", "", "", ""});
  return columns_text(lines);
}

std::string damage_line(store::StoreDamage const& damage) {
  std::string line = damage.file;
  if (!damage.entity.empty()) line += ": " + printable(damage.entity);
  if (damage.first <= damage.last)
    line += fmt::format(": {} to {}", utc_text(unix_seconds(store::from_tick_ns(damage.first))),
                        utc_text(unix_seconds(store::from_tick_ns(damage.last))));
  return line + ": " + printable(damage.what) + "; " + damage.remedy;
}

Result<std::string> status_store_table(std::string_view body) {
  auto const object = answered(body);
  if (!object) return object.error();
  auto const* const value = object->if_contains("store");
  if (value == nullptr || !value->is_object()) return no_such_answer();
  auto const& store = value->get_object();
  std::vector<std::vector<std::string>> lines{{"KIND", "FILES", "BYTES", "COMPLETE FROM", "UNTIL"}};
  lines.push_back({"log", "-", std::to_string(whole(store, "log_bytes")), "-", "-"});
  lines.push_back({"spills and segments", std::to_string(whole(store, "spill_files")),
                   std::to_string(whole(store, "spill_bytes")), moment(store, "raw_from"), "-"});
  if (auto const* const tiers = list(*object, "tiers"))
    for (auto const& each : *tiers) {
      if (!each.is_object()) return no_such_answer();
      auto const& tier = each.get_object();
      if (words(tier, "tier") == "10s") continue;  // the spills
      lines.push_back({"tier " + words(tier, "tier"), std::to_string(whole(tier, "files")),
                       std::to_string(whole(tier, "bytes")), "-", moment(tier, "sealed_until")});
    }
  return columns_text(lines) +
         fmt::format("{} entities, {} rows in memory{}\n", whole(store, "entities"),
                     whole(store, "head_rows"),
                     store.contains("writable") && store.at("writable") == false
                         ? "; the store cannot write: disk full or failing"
                         : "");
}

Result<std::string> deletion_table(std::string_view body, bool dry_run) {
  auto const object = answered(body);
  if (!object) return object.error();
  auto const* const paths = list(*object, "paths");
  if (paths == nullptr) return no_such_answer();
  std::vector<std::vector<std::string>> lines{
      {"PATH", "ENTITIES", "SERIES", "ROWS", "ROWS 1M", "ROWS 10M", "FIRST", "LAST"}};
  for (auto const& each : *paths) {
    if (!each.is_object()) return no_such_answer();
    auto const& path = each.get_object();
    lines.push_back({words(path, "path"), std::to_string(whole(path, "entities")),
                     std::to_string(whole(path, "series")), std::to_string(whole(path, "rows")),
                     std::to_string(whole(path, "rows_1m")),
                     std::to_string(whole(path, "rows_10m")), moment(path, "first"),
                     moment(path, "last")});
  }
  return columns_text(lines) + fmt::format("{} entities, {} single series, {} rows {}\n",
                                           whole(*object, "entities"), whole(*object, "series"),
                                           whole(*object, "rows"),
                                           dry_run ? "would be deleted (dry run)" : "deleted");
}

Result<std::string> rename_line(std::string_view body) {
  auto const object = answered(body);
  if (!object) return object.error();
  auto const* const dry = object->if_contains("dry_run");
  if (dry == nullptr || !dry->is_bool() || !object->contains("series")) return no_such_answer();
  auto const names = words(*object, "from") + " to " + words(*object, "to");
  if (dry->get_bool())
    return fmt::format("{}: {} series would be renamed (dry run)\n", names,
                       whole(*object, "series"));
  return fmt::format("{}: {} series, {} points renamed\n", names, whole(*object, "series"),
                     whole(*object, "points"));
}

Result<std::string> audit_table(std::string_view body) {
  auto const object = answered(body);
  if (!object) return object.error();
  auto const* const entries = list(*object, "entries");
  if (entries == nullptr) return no_such_answer();
  std::vector<std::vector<std::string>> lines{{"WHEN", "WHO", "WHAT"}};
  for (auto const& each : *entries) {
    if (!each.is_object()) return no_such_answer();
    auto const& entry = each.get_object();
    lines.push_back({moment(entry, "time"), words(entry, "who"), words(entry, "what")});
  }
  return lines.size() == 1 ? std::string("nothing was ever changed\n") : columns_text(lines);
}

Result<std::string> backup_line(std::string_view body) {
  auto const object = answered(body);
  if (!object || !object->contains("directory")) return no_such_answer();
  return fmt::format("{}: {} files, {} bytes, {} of them by hard links, rows up to {}\n",
                     words(*object, "directory"), whole(*object, "files"), whole(*object, "bytes"),
                     whole(*object, "linked_files"), moment(*object, "time"));
}

Result<std::string> compaction_line(std::string_view body) {
  auto const object = answered(body);
  if (!object || !object->contains("files_after")) return no_such_answer();
  return fmt::format("{} files of {} bytes are now {} files of {} bytes\n",
                     whole(*object, "files_before"), whole(*object, "bytes_before"),
                     whole(*object, "files_after"), whole(*object, "bytes_after"));
}

}  // namespace dadvisor::aggregator::cli
