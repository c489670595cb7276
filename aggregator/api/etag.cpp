#include "aggregator/api/etag.hpp"

#define XXH_INLINE_ALL  // no library to link
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

namespace dadvisor::aggregator::api {
namespace {

constexpr std::size_t largest_body = 4 << 20;
// Nobody gains by two bodies of one tag, so no more is asked of the hash than that this is
// unlikely.
std::string etag_of(std::string_view body) {
  auto const hash = XXH3_128bits(body.data(), body.size());
  return fmt::format("W/\"{:016x}{:016x}\"", hash.high64, hash.low64);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Weak comparison: "W/" makes no difference. Our tags hold no comma.
bool names(std::string_view list, std::string_view tag) {
  if (trimmed(list) == "*") return true;
  while (!list.empty()) {
    auto const end = std::min(list.find(','), list.size());
    auto one = trimmed(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag.substr(2)) return true;
  }
  return false;
}

}  // namespace

http::Response with_etag(http::Response response, std::string_view wanted) {
  if (response.status != 200 || response.body.size() > largest_body) return response;
  auto const tag = etag_of(response.body);
  response.headers.emplace_back("ETag", tag);
  if (!names(wanted, tag)) return response;
  response.status = 304;
  response.body.clear();
  std::erase_if(response.headers, [](auto const& field) { return field.first == "Content-Type"; });
  return response;
}

std::string if_none_match(http::Request const& request) {
  if (request.method != "GET" && request.method != "HEAD") return {};
  return std::string(http::header(request.headers, "If-None-Match").value_or(""));
}

}  // namespace dadvisor::aggregator::api
