#include "aggregator/api/tag_routes.hpp"

#include <algorithm>
#include <optional>

#include "graphite-bridge/json_text.hpp"
#include "graphite-bridge/regex.hpp"
#include "graphite-bridge/tag_query.hpp"

namespace dadvisor::aggregator::api {
namespace {

using graphite::all_values;
using graphite::Answer;
using graphite::integer_value;
using graphite::JsonText;
using graphite::last_value;
using graphite::Parameters;
using graphite::TagQuery;
using series::TagIndex;

constexpr std::size_t completions = 100;      // graphite-web's TAGDB_AUTOCOMPLETE_LIMIT
constexpr std::size_t most_values = 100'000;  // of a list without a limit
constexpr std::size_t a_match = 32;           // steps for QueryBudget::work()

Result<std::optional<TagQuery>> query_of(Parameters const& parameters) {
  auto expressions = all_values(parameters, "expr");
  if (expressions.empty()) expressions = all_values(parameters, "expr[]");
  if (expressions.empty()) return std::optional<TagQuery>();
  auto query = graphite::parse_tag_query(expressions);
  if (!query) return query.error();
  return std::optional<TagQuery>(std::move(*query));
}

Result<std::size_t> limit_of(Parameters const& parameters, std::size_t otherwise) {
  auto const given = integer_value(parameters, "limit");
  if (!given) return given.error();
  if (!*given) return otherwise;
  return static_cast<std::size_t>(std::max<std::int64_t>(0, **given));
}

// The regular expression of `filter`, as graphite-web anchors it.
Result<std::optional<graphite::Regex>> filter_of(Parameters const& parameters) {
  auto const text = last_value(parameters, "filter").value_or("");
  if (text.empty()) return std::optional<graphite::Regex>();
  auto regex = graphite::Regex::compile(text);
  if (!regex) return regex.error().within("filter");
  return std::optional<graphite::Regex>(std::move(*regex));
}

Answer list_of(std::vector<std::string> const& texts) {
  JsonText json;
  json.open_array();
  for (auto const& text : texts) json.string(text);
  json.close_array();
  return {"application/json", json.take()};
}

Result<Answer> complete_tags(Asked const& asked, TagIndex const& index) {
  auto const& parameters = asked.parameters;
  auto const query = query_of(parameters);
  if (!query) return query.error();
  auto const limit = limit_of(parameters, completions);
  if (!limit) return limit.error();
  auto const prefix = last_value(parameters, "tagPrefix").value_or("");
  auto const searched = [&](std::string const& tag) {
    return *query && std::ranges::any_of((*query)->expressions(),
                                         [&](auto const& one) { return one.tag == tag; });
  };
  std::vector<std::string> found;
  for (auto const& tag : index.tags(*query ? &**query : nullptr, asked.budget))
    if (found.size() < *limit && tag.starts_with(prefix) && !searched(tag)) found.push_back(tag);
  return list_of(found);
}

Result<Answer> complete_values(Asked const& asked, TagIndex const& index) {
  auto const& parameters = asked.parameters;
  auto const query = query_of(parameters);
  if (!query) return query.error();
  auto const limit = limit_of(parameters, completions);
  if (!limit) return limit.error();
  auto const tag = last_value(parameters, "tag").value_or("");
  if (tag.empty()) return Error{Errc::malformed, 0, "tag: is needed"};
  auto const prefix = last_value(parameters, "valuePrefix").value_or("");
  std::vector<std::string> found;
  for (auto const& [value, count] : index.values(tag, *query ? &**query : nullptr, asked.budget))
    if (found.size() < *limit && value.starts_with(prefix)) found.push_back(value);
  return list_of(found);
}

Result<Answer> list_tags(Asked const& asked, TagIndex const& index) {
  auto const& parameters = asked.parameters;
  auto const limit = limit_of(parameters, most_values);
  if (!limit) return limit.error();
  auto const filter = filter_of(parameters);
  if (!filter) return filter.error();
  JsonText json;
  json.open_array();
  std::size_t written = 0;
  std::int64_t id = 0;
  for (auto const& tag : index.tags(nullptr, asked.budget)) {
    ++id;
    if (*filter && !graphite::work(asked.budget, a_match)) break;
    if (written >= *limit || (*filter && !(*filter)->matches_start(tag))) continue;
    ++written;
    json.open_object();
    json.key("id");
    json.integer(id);
    json.key("tag");
    json.string(tag);
    json.close_object();
  }
  json.close_array();
  return Answer{"application/json", json.take()};
}

Result<Answer> list_values(std::string const& tag, Asked const& asked, TagIndex const& index) {
  auto const& parameters = asked.parameters;
  auto const limit = limit_of(parameters, most_values);
  if (!limit) return limit.error();
  auto const filter = filter_of(parameters);
  if (!filter) return filter.error();
  auto const tags = index.tags(nullptr, asked.budget);
  auto const place = tags.find(tag);
  JsonText json;
  if (place == tags.end()) {
    json.null();
    return Answer{"application/json", json.take()};
  }
  json.open_object();
  json.key("id");
  json.integer(std::distance(tags.begin(), place) + 1);
  json.key("tag");
  json.string(tag);
  json.key("values");
  json.open_array();
  std::size_t written = 0;
  std::int64_t id = 0;
  for (auto const& [value, count] : index.values(tag, nullptr, asked.budget)) {
    ++id;
    if (*filter && !graphite::work(asked.budget, a_match)) break;
    if (written >= *limit || (*filter && !(*filter)->matches_start(value))) continue;
    ++written;
    json.open_object();
    json.key("id");
    json.integer(id);
    json.key("value");
    json.string(value);
    json.key("count");
    json.integer(static_cast<std::int64_t>(count));
    json.close_object();
  }
  json.close_array();
  json.close_object();
  return Answer{"application/json", json.take()};
}

Result<Answer> find_tagged(Asked const& asked, TagIndex const& index) {
  auto const& parameters = asked.parameters;
  auto const query = query_of(parameters);
  if (!query) return query.error();
  if (!*query) return Error{Errc::malformed, 0, "expr: is needed"};
  auto const leaves = index.leaves(**query, most_values, {}, asked.budget);
  if (!leaves) return leaves.error();
  std::vector<std::string> paths;
  for (auto const& one : **leaves) paths.push_back(one.leaf.own_path);
  return list_of(paths);
}

}  // namespace

void add_tag_routes(Router& router, series::StoreSeriesSource const& source,
                    QueryTerms const& terms) {
  auto const add = [&](char const* path, auto answer) {
    router.add(path, "GET POST", on_pool(terms, [&source, answer](Asked const& asked) {
                 return answer(asked, source.tag_index());
               }));
  };
  add("/tags", list_tags);
  add("/tags/findSeries", find_tagged);
  add("/tags/autoComplete/tags", complete_tags);
  add("/tags/autoComplete/values", complete_values);
  router.add("/tags/*", "GET", [&source, terms](http::Request request, http::Responder respond) {
    auto const name = request.path.substr(std::string_view("/tags/").size());
    auto const handler = on_pool(terms, [&source, name](Asked const& asked) {
      return list_values(name, asked, source.tag_index());
    });
    handler(std::move(request), std::move(respond));
  });
  router.add("/metrics/index.json", "GET POST",
             on_pool(terms, [&source](Asked const& asked) -> Result<Answer> {
               auto const paths = source.paths(asked.budget);
               if (!paths) return paths.error();
               return list_of(*paths);
             }));
}

}  // namespace dadvisor::aggregator::api
