#include "graphite-bridge/carbon/storage_schemas.hpp"

#include <algorithm>

#include "graphite-bridge/carbon/ini_file.hpp"
#include "graphite-bridge/carbon/name_pattern.hpp"
#include "graphite-bridge/number_text.hpp"

namespace dadvisor::graphite {
namespace {

constexpr std::int64_t longest_kept = 100LL * 365 * 86'400;  // seconds; a slip of the pen beyond it

Error bad_retention(std::string const& why) { return Error{Errc::malformed, 0, why}; }

std::int64_t retention_unit(std::string_view unit) {
  if (unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3600;
  if (unit == "d") return 86'400;
  if (unit == "w") return 7 * 86'400;
  if (unit == "y") return 365 * 86'400;
  return 0;
}

struct Span {
  std::int64_t number = 0;   // above 0
  std::int64_t seconds = 0;  // of its unit; 0: it has none
};

Result<Span> parse_span(std::string_view text) {
  auto const digits = std::min(text.find_first_not_of("0123456789"), text.size());
  auto const number = parse_integer(text.substr(0, digits));
  Span span;
  span.number = number.value_or(0);
  if (digits < text.size()) span.seconds = retention_unit(text.substr(digits));
  bool const sound = digits > 0 && span.number > 0 && (digits == text.size() || span.seconds > 0) &&
                     span.number <= longest_kept / std::max<std::int64_t>(span.seconds, 1);
  if (sound) return span;
  return bad_retention("\"" + std::string(text) +
                       "\" is no time; write a number above 0 with s, m, h, d, w or y behind it");
}

Result<Archive> parse_archive(std::string_view text) {
  auto const colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos)
    return bad_retention("\"" + std::string(text) + "\" is no retention; write STEP:TIME, 10s:6h");
  auto const step = parse_span(text.substr(0, colon));
  if (!step) return step.error();
  auto const kept = parse_span(text.substr(colon + 1));
  if (!kept) return kept.error();
  Archive archive;
  archive.step = step->number * std::max<std::int64_t>(step->seconds, 1);
  archive.points = kept->seconds == 0 ? kept->number : kept->number * kept->seconds / archive.step;
  if (archive.points == 0 || archive.points > longest_kept / archive.step)
    return bad_retention("\"" + std::string(text) +
                         "\" keeps no point, or them for over a century");
  return archive;
}

std::string text_of(Archive const& archive) {
  return std::to_string(archive.step) + "s:" + std::to_string(archive.retention()) + "s";
}

Result<void> check_fit(Archive const& fine, Archive const& coarse) {
  auto const both = text_of(fine) + " and " + text_of(coarse);
  if (fine.step == coarse.step) return bad_retention(both + " have the same step");
  if (coarse.step % fine.step != 0)
    return bad_retention(both + ": a step must be a multiple of the finer one");
  if (coarse.retention() <= fine.retention())
    return bad_retention(both + ": the coarser one must be kept longer");
  if (fine.points < coarse.step / fine.step)
    return bad_retention(both + ": the finer one must be kept for at least one coarse step");
  return {};
}

}  // namespace

Result<Archives> parse_retentions(std::string_view text) {
  Archives archives;
  for (;;) {
    auto const comma = text.find(',');
    auto const archive = parse_archive(trimmed(text.substr(0, comma)));
    if (!archive) return archive.error();
    archives.push_back(*archive);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  std::ranges::stable_sort(archives, {}, &Archive::step);
  for (std::size_t i = 0; i + 1 < archives.size(); ++i)
    if (auto const fits = check_fit(archives[i], archives[i + 1]); !fits) return fits.error();
  return archives;
}

Archives const& StorageSchemas::archives(std::string_view path) const {
  for (Entry const& entry : entries_)
    if (entry.pattern.matches(path)) return entry.archives;
  return default_;
}

LoadedSchemas parse_storage_schemas(std::string_view text, std::string const& file) {
  LoadedSchemas loaded;
  auto ini = parse_ini(text, file);
  loaded.errors = std::move(ini.errors);
  for (IniSection const& section : ini.sections) {
    auto const error = [&](std::size_t line, std::string const& why) {
      loaded.errors.push_back(config_error(file, line, why));
    };
    auto const* const pattern = section.find("pattern");
    auto const* const retentions = section.find("retentions");
    if (pattern == nullptr || pattern->value.empty())
      error(section.line, "[" + section.name + "] has no pattern; add \"pattern = .*\"");
    if (retentions == nullptr)
      error(section.line, "[" + section.name + "] has no retentions; add \"retentions = 1m:30d\"");
    if (pattern == nullptr || retentions == nullptr) continue;
    auto regex = name_pattern(pattern->value);
    if (!regex) error(pattern->line, regex.error().context);
    auto archives = parse_retentions(retentions->value);
    if (!archives) error(retentions->line, archives.error().context);
    if (regex && archives)
      loaded.schemas.entries_.push_back({std::move(*regex), std::move(*archives)});
  }
  return loaded;
}

}  // namespace dadvisor::graphite
