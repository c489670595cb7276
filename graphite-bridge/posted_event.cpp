#include "graphite-bridge/posted_event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace dadvisor::graphite {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_what = 1000, longest_data = 100'000, longest_tag = 1000;
constexpr std::size_t most_tags = 100;
constexpr double latest = 9e9;  // in the year 2255: as ns they fit into 64 bits

Error malformed(std::string what) { return Error{Errc::malformed, 0, std::move(what)}; }

// A text, or a number as it prints.
Result<std::string> text_of(json::value const& value, char const* name, std::size_t longest) {
  std::string out;
  if (auto const* text = value.if_string()) {
    out.assign(text->data(), text->size());
  } else if (value.is_number()) {
    out = json::serialize(value);
  } else {
    return malformed(std::string(name) + ": must be a text");
  }
  if (out.size() > longest)
    return malformed(fmt::format("{}: longer than {} bytes", name, longest));
  return out;
}

// graphite-web shows tags parted at blanks, but where there is a comma it finds them by what stands
// between commas; here they are found as they are shown.
void add_words(std::string_view text, std::vector<std::string>& out) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  while (true) {
    auto const begin = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(begin);
    if (text.empty()) return;
    auto const end = std::min(text.find_first_of(blanks), text.size());
    std::string word(text.substr(0, end));
    if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(std::move(word));
    text.remove_prefix(end);
  }
}

Result<std::vector<std::string>> tags_of(json::value const& value) {
  auto const wrong = malformed("tags: must be an array or space-separated string");
  std::vector<std::string> out;
  if (auto const* text = value.if_string()) {
    add_words({text->data(), text->size()}, out);
  } else if (auto const* array = value.if_array()) {
    for (auto const& one : *array) {
      auto const* word = one.if_string();
      if (word == nullptr) return wrong;
      add_words({word->data(), word->size()}, out);
    }
  } else if (!value.is_null()) {
    return wrong;
  }
  if (out.size() > most_tags) return malformed(fmt::format("tags: more than {}", most_tags));
  for (auto const& tag : out)
    if (tag.size() > longest_tag)
      return malformed(fmt::format("tags: one is longer than {} bytes", longest_tag));
  return out;
}

Result<std::int64_t> nanoseconds_of(json::value const& value) {
  constexpr std::int64_t second = 1'000'000'000;
  auto const wrong = malformed("when: must be unix seconds");
  if (auto const* whole = value.if_int64()) {
    if (*whole < 0 || *whole > static_cast<std::int64_t>(latest)) return wrong;
    return *whole * second;
  }
  auto const* number = value.if_double();
  if (number == nullptr || !(*number >= 0 && *number <= latest)) return wrong;
  double const seconds = std::floor(*number);
  // Microseconds, as graphite-web has them: a double of today holds no more.
  auto const rest = std::llround((*number - seconds) * 1e6);
  return static_cast<std::int64_t>(seconds) * second + rest * 1000;
}

}  // namespace

Result<PostedEvent> parse_posted_event(std::string_view body) {
  boost::system::error_code ec;
  auto const value = json::parse(json::string_view(body.data(), body.size()), ec);
  if (ec) return malformed("the event is not JSON: " + ec.message());
  auto const* object = value.if_object();
  if (object == nullptr) return malformed("the event must be a JSON object");
  PostedEvent out;
  auto const* what = object->if_contains("what");
  if (what == nullptr || what->is_null()) return malformed("what: is needed");
  auto text = text_of(*what, "what", longest_what);
  if (!text) return text.error();
  out.what = std::move(*text);
  if (out.what.empty()) return malformed("what: is empty");
  if (auto const* data = object->if_contains("data")) {
    auto more = text_of(*data, "data", longest_data);
    if (!more) return more.error();
    out.data = std::move(*more);
  }
  if (auto const* tags = object->if_contains("tags")) {
    auto words = tags_of(*tags);
    if (!words) return words.error();
    out.tags = std::move(*words);
  }
  if (auto const* when = object->if_contains("when")) {
    auto const ns = nanoseconds_of(*when);
    if (!ns) return ns.error();
    out.when_ns = *ns;
  }
  return out;
}

}  // namespace dadvisor::graphite
