// Group Alias: what a series is called, and nothing else of it.

#include <algorithm>
#include <utility>

#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/regex.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

Result<SeriesList> alias(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) one.name = call.text("newName");
  return series;
}

Result<SeriesList> by_nodes(Call& call, std::string_view parameter) {
  auto series = call.take_series("seriesList");
  auto const nodes = call.values(parameter);
  for (auto& one : series) one.name = node_key(one, nodes);
  return series;
}
Result<SeriesList> alias_by_node(Call& call) { return by_nodes(call, "nodes"); }
Result<SeriesList> alias_by_tags(Call& call) { return by_nodes(call, "tags"); }

Result<SeriesList> alias_sub(Call& call) {
  auto series = call.take_series("seriesList");
  auto const search = Regex::compile(call.text("search"));
  if (!search) return call.error(search.error().context);
  auto const replacement = call.text("replace");
  // A wrong replacement is one even where nothing matched.
  if (auto const tried = search->replace("", replacement); !tried) {
    return call.error(tried.error().context);
  }
  std::size_t names = 0;  // bytes of them; groups may come again and again in a replacement
  for (auto& one : series) {
    auto const most = (one.name.size() + 1) * (replacement.size() + 1);
    auto const room = room_for(call.window().budget, names + most);
    if (!room || !work(call.window().budget, 16 + most / 8))
      return room ? call.go_on().error() : room.error();
    auto name = search->replace(one.name, replacement);
    if (!name) return call.error(name.error().context);
    one.name = std::move(*name);
    names += one.name.size();
  }
  return series;
}

// The nodes [start, stop) of the innermost call's first argument; Python's slice, stop 0 is the
// end.
std::string nodes_between(std::string_view name, std::int64_t start, std::int64_t stop) {
  auto const open = name.rfind('(');
  std::size_t const left = open == std::string_view::npos ? 0 : open + 1;
  auto const right = std::min(name.find(')'), name.size());
  auto const clean = left < right ? name.substr(left, right - left) : std::string_view();
  std::vector<std::string_view> nodes;
  std::size_t begin = 0;
  for (auto dot = clean.find('.'); dot != std::string_view::npos; dot = clean.find('.', begin)) {
    nodes.push_back(clean.substr(begin, dot - begin));
    begin = dot + 1;
  }
  nodes.push_back(clean.substr(begin));
  auto const count = static_cast<std::int64_t>(nodes.size());
  auto const place = [count](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + count : at, 0, count);
  };
  std::string out;
  std::int64_t const last = stop == 0 ? count : place(stop);
  for (std::int64_t i = place(start); i < last; ++i) {
    if (i > place(start)) out += '.';
    out += nodes[static_cast<std::size_t>(i)];
  }
  return out.substr(0, out.find(','));
}

Result<SeriesList> alias_by_metric(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) one.name = nodes_between(one.name, -1, 0);
  return series;
}

Result<SeriesList> substr(Call& call) {
  auto series = call.take_series("seriesList");
  for (auto& one : series) {
    one.name = nodes_between(one.name, call.integer("start").value_or(0),
                             call.integer("stop").value_or(0));
  }
  return series;
}

Parameter nodes_parameter(std::string name) {
  auto out = required(std::move(name), node_or_tag);
  out.multiple = true;
  return out;
}

}  // namespace

std::vector<Function> alias_functions() {
  return {
      {.name = "alias",
       .group = "Alias",
       .description = "Shows every series under the given name.",
       .parameters = {one_list(), required("newName", text)},
       .implementation = alias},
      {.name = "aliasByMetric",
       .group = "Alias",
       .description = "Shows each series under the last node of its path.",
       .parameters = {one_list()},
       .implementation = alias_by_metric},
      {.name = "aliasByNode",
       .group = "Alias",
       .description = "Shows each series under the given nodes of its path, counted from 0 or, "
                      "when negative, from the end, or under the values of the given tags.",
       .parameters = {one_list(), nodes_parameter("nodes")},
       .implementation = alias_by_node},
      {.name = "aliasByTags",
       .group = "Alias",
       .description = "Shows each series under the values of the given tags or nodes.",
       .parameters = {one_list(), nodes_parameter("tags")},
       .implementation = alias_by_tags},
      {.name = "aliasSub",
       .group = "Alias",
       .description = "Replaces what the regular expression matches in each name; \\1 in the "
                      "replacement is the first group.",
       .parameters = {one_list(), required("search", text), required("replace", text)},
       .implementation = alias_sub},
      {.name = "substr",
       .group = "Special",
       .description = "Shows each series under the nodes of its path from start up to stop.",
       .parameters = {one_list(), optional("start", node, std::int64_t{0}),
                      optional("stop", node, std::int64_t{0})},
       .implementation = substr},
  };
}

}  // namespace dadvisor::graphite::functions
