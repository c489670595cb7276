#include "graphite-bridge/time_zone.hpp"

#include <algorithm>
#include <vector>

#include "common/core/fd.hpp"
#include "graphite-bridge/posix_zone.hpp"

namespace dadvisor::graphite {

// Periods of one offset each: period i ends at until[i], the last one never.
struct ZoneRules {
  std::vector<std::int64_t> until;
  std::vector<ZoneOffset> periods;      // one more than until
  std::optional<PosixZone> afterwards;  // rules for all time behind the last entry of until

  ZoneOffset at(std::int64_t unix_seconds) const {
    if (afterwards && (until.empty() || unix_seconds >= until.back())) {
      return afterwards->at(unix_seconds);
    }
    auto const next = std::upper_bound(until.begin(), until.end(), unix_seconds);
    return periods[static_cast<std::size_t>(next - until.begin())];
  }
};

namespace {

// Bytes of a file, read big endian; runs dry instead of reading past the end.
class Bytes {
 public:
  explicit Bytes(std::string_view data) : data_(data) {}
  bool failed() const { return failed_; }
  std::string_view rest() const { return data_; }
  std::string_view take(std::size_t count) {
    if (count > data_.size()) {
      failed_ = true;
      data_ = {};
      return {};
    }
    auto const out = data_.substr(0, count);
    data_.remove_prefix(count);
    return out;
  }
  std::int64_t integer(std::size_t size) {
    std::uint64_t value = 0;
    for (char const c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
    if (size == 4) return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
    return static_cast<std::int64_t>(value);
  }

 private:
  std::string_view data_;
  bool failed_ = false;
};

struct Header {
  char version = 0;
  std::size_t ut_count = 0, standard_count = 0, leap_count = 0, time_count = 0, type_count = 0,
              name_count = 0;
};

std::optional<Header> read_header(Bytes& bytes) {
  if (bytes.take(4) != "TZif") return std::nullopt;
  Header out;
  auto const version = bytes.take(16);
  out.version = version.empty() ? '\0' : version.front();
  for (auto* count : {&out.ut_count, &out.standard_count, &out.leap_count, &out.time_count,
                      &out.type_count, &out.name_count}) {
    *count = static_cast<std::size_t>(bytes.integer(4));
    if (*count > 65536) return std::nullopt;
  }
  return bytes.failed() ? std::nullopt : std::optional(out);
}

// Times of `size` bytes, their types, and the types' offsets.
std::optional<ZoneRules> read_block(Bytes& bytes, Header const& header, std::size_t size) {
  ZoneRules out;
  for (std::size_t i = 0; i < header.time_count; ++i) out.until.push_back(bytes.integer(size));
  auto const types = bytes.take(header.time_count);
  std::vector<ZoneOffset> offsets;
  for (std::size_t i = 0; i < header.type_count; ++i) {
    ZoneOffset offset;
    offset.seconds = bytes.integer(4);
    offset.is_daylight = bytes.integer(1) != 0;
    bytes.take(1);
    offsets.push_back(offset);
  }
  bytes.take(header.name_count + header.leap_count * (size + 4) + header.standard_count +
             header.ut_count);
  if (bytes.failed() || offsets.empty()) return std::nullopt;
  out.periods.push_back(offsets.front());
  for (char const type : types) {
    auto const index = static_cast<unsigned char>(type);
    if (index >= offsets.size()) return std::nullopt;
    out.periods.push_back(offsets[index]);
  }
  if (!std::is_sorted(out.until.begin(), out.until.end())) return std::nullopt;
  return out;
}

std::optional<ZoneRules> read_zone(std::string_view data) {
  Bytes bytes(data);
  auto header = read_header(bytes);
  if (!header) return std::nullopt;
  auto rules = read_block(bytes, *header, 4);
  if (!rules || header->version < '2') return rules;
  // From version 2 on the same follows again with times of 64 bits, then a rule for the future.
  header = read_header(bytes);
  if (!header) return std::nullopt;
  rules = read_block(bytes, *header, 8);
  auto footer = bytes.rest();
  if (rules && footer.starts_with('\n')) {
    footer.remove_prefix(1);
    rules->afterwards = PosixZone::parse(footer.substr(0, footer.find('\n')));
  }
  return rules;
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '/' ||
      name.find("..") != std::string_view::npos) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '-' || c == '+' || c == '.';
  });
}

}  // namespace

TimeZone TimeZone::utc() { return TimeZone(nullptr); }

std::optional<TimeZone> TimeZone::load(std::string_view name, std::string const& directory) {
  if (name == "UTC") return utc();
  if (!is_zone_name(name)) return std::nullopt;
  constexpr std::size_t largest_file = 1 << 20;
  auto const data = read_file(directory + "/" + std::string(name), largest_file);
  if (!data) return std::nullopt;  // "Europe" is a directory
  auto rules = read_zone(*data);
  if (!rules) return std::nullopt;
  return TimeZone(std::make_shared<ZoneRules const>(std::move(*rules)));
}

std::int64_t TimeZone::offset_at(std::int64_t unix_seconds) const {
  return rules_ ? rules_->at(unix_seconds).seconds : 0;
}

std::int64_t TimeZone::to_unix(std::int64_t local_seconds) const {
  if (!rules_) return local_seconds;
  constexpr std::int64_t day = 86400;
  auto const before = rules_->at(local_seconds - day);
  auto const after = rules_->at(local_seconds + day);
  auto const holds = [&](ZoneOffset const& offset) {
    return rules_->at(local_seconds - offset.seconds).seconds == offset.seconds;
  };
  bool const before_holds = holds(before);
  bool const after_holds = holds(after);
  bool use_before = before_holds;
  if (before_holds == after_holds) use_before = after.is_daylight && !before.is_daylight;
  return local_seconds - (use_before ? before : after).seconds;
}

}  // namespace dadvisor::graphite
