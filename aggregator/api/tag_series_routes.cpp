#include "aggregator/api/tag_series_routes.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "common/core/log.hpp"
#include "graphite-bridge/carbon/point_path.hpp"
#include "graphite-bridge/json_text.hpp"
#include "graphite-bridge/tag_query.hpp"

namespace dadvisor::aggregator::api {
namespace {

using graphite::Answer;
using graphite::JsonText;

constexpr std::size_t most_alike = 100'000;  // series of one name and these tags

Result<std::string> canonical(std::string const& path) {
  auto name = graphite::canonical_path(path);
  if (!name) return Error{Errc::malformed, 0, "path: " + name.error().context};
  return name;
}

// Those of path, or of path[]; at least one.
Result<std::vector<std::string>> canonical_paths(graphite::Parameters const& parameters) {
  auto paths = graphite::all_values(parameters, "path");
  if (paths.empty()) paths = graphite::all_values(parameters, "path[]");
  if (paths.empty()) return Error{Errc::malformed, 0, "path: is needed"};
  for (auto& path : paths) {
    auto name = canonical(path);
    if (!name) return name.error();
    path = std::move(*name);
  }
  return paths;
}

Result<Answer> tag_series(Asked const& asked) {
  auto const path = graphite::last_value(asked.parameters, "path").value_or("");
  if (path.empty()) return Error{Errc::malformed, 0, "path: is needed"};
  auto const name = canonical(path);
  if (!name) return name.error();
  JsonText json;
  json.string(*name);
  return Answer{"application/json", json.take()};
}

Result<Answer> tag_multi_series(Asked const& asked) {
  auto const names = canonical_paths(asked.parameters);
  if (!names) return names.error();
  JsonText json;
  json.open_array();
  for (auto const& name : *names) json.string(name);
  json.close_array();
  return Answer{"application/json", json.take()};
}

// Whether /tags/findSeries would list it.
Result<bool> is_listed(std::string const& name, series::TagIndex const& index) {
  std::vector<std::string> expressions;
  std::string_view rest = name;
  auto const part = [&] {
    auto const end = std::min(rest.find(';'), rest.size());
    std::string out(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return out;
  };
  expressions.push_back("name=" + part());
  while (!rest.empty()) expressions.push_back(part());
  auto const query = graphite::parse_tag_query(expressions);
  if (!query) return query.error();
  auto const leaves = index.leaves(*query, most_alike);
  if (!leaves) return leaves.error();
  return std::ranges::any_of(**leaves, [&](auto const& one) { return one.leaf.own_path == name; });
}

Result<Answer> del_series(Asked const& asked, series::TagIndex const& index) {
  auto const names = canonical_paths(asked.parameters);
  if (!names) return names.error();
  for (auto const& name : *names) {
    auto const listed = is_listed(name, index);
    if (!listed) return listed.error();
    if (*listed)
      return Error{Errc::unsupported, 0,
                   printable(name, 200) +
                       ": has points, and tags are found by these; dadvisor store delete removes "
                       "both"};
  }
  return Answer{"application/json", "true"};
}

}  // namespace

void add_tag_series_routes(Router& router, series::StoreSeriesSource const& source,
                           QueryTerms const& terms) {
  router.add("/tags/tagSeries", "POST", on_pool(terms, tag_series));
  router.add("/tags/tagMultiSeries", "POST", on_pool(terms, tag_multi_series));
  router.add("/tags/delSeries", "POST", on_pool(terms, [&source](Asked const& asked) {
               return del_series(asked, source.tag_index());
             }));
}

}  // namespace dadvisor::aggregator::api
