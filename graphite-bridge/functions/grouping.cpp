// Of group Combine, the functions that make one series, or one call, for each key: a node, a tag,
// a name without some nodes.

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "graphite-bridge/aggregation.hpp"
#include "graphite-bridge/call.hpp"
#include "graphite-bridge/functions/combine.hpp"
#include "graphite-bridge/functions/fixed_text.hpp"
#include "graphite-bridge/functions/groups.hpp"
#include "graphite-bridge/functions/naming.hpp"
#include "graphite-bridge/functions/parameters.hpp"
#include "graphite-bridge/glob.hpp"

namespace dadvisor::graphite::functions {
namespace {

using enum ParameterType;

struct SeriesGroup {
  std::string key;
  SeriesList members;
};

// Series of one key, in the order in which keys were first seen.
template <typename Key>
std::vector<SeriesGroup> grouped(SeriesList series, Key key_of) {
  std::vector<SeriesGroup> groups;
  std::map<std::string, std::size_t> places;
  for (auto& one : series) {
    std::string key = key_of(one);
    auto const [place, is_new] = places.try_emplace(key, groups.size());
    if (is_new) groups.push_back({std::move(key), {}});
    groups[place->second].members.push_back(std::move(one));
  }
  return groups;
}

// By an aggregation, or by a function that is an aggregator.
Result<SeriesList> combine_group(Call& call, std::string const& callback, SeriesList series) {
  auto const* function = call.table().find(callback);
  if (function == nullptr) return combine(series, callback, call.x_files_factor());
  Call inner(*function, std::move(series), call.context());
  return inner.run();
}

// One series a group, called by its key.
Result<SeriesList> combine_groups(Call& call, std::string const& callback,
                                  std::vector<SeriesGroup> groups) {
  SeriesList out;
  for (auto& group : groups) {
    auto combined = combine_group(call, callback, std::move(group.members));
    if (!combined) return combined.error();
    if (combined->empty()) continue;
    combined->front().name = std::move(group.key);
    out.push_back(std::move(combined->front()));
  }
  return out;
}

Result<SeriesList> group_by(Call& call, std::vector<Value> const& nodes) {
  return combine_groups(call, call.text("callback"),
                        grouped(call.take_series("seriesList"),
                                [&nodes](Series const& one) { return node_key(one, nodes); }));
}
Result<SeriesList> group_by_node(Call& call) { return group_by(call, {call.value("nodeNum")}); }
Result<SeriesList> group_by_nodes(Call& call) { return group_by(call, call.values("nodes")); }

std::string tag_of(Series const& series, std::string const& tag) {
  auto const found = series.tags.find(tag);
  return found == series.tags.end() ? std::string() : found->second;
}

// "name;dc=bj;host=h1": the tags by name, the metric's own name in front: that of all series, or
// the callback's where they have several and it is not asked for.
std::string tag_key(Series const& series, std::string const& name,
                    std::vector<std::string> const& tags) {
  std::vector<std::string> parts;
  for (auto const& tag : tags) {
    if (tag != "name") parts.push_back(tag + "=" + tag_of(series, tag));
  }
  std::sort(parts.begin(), parts.end());
  bool const by_name = std::find(tags.begin(), tags.end(), "name") != tags.end();
  auto out = by_name ? tag_of(series, "name") : name;
  for (auto const& part : parts) out += ';' + part;
  return out;
}

// A series without one of the tags is in the group whose value is empty; graphite-web fails there.
Result<SeriesList> group_by_tags(Call& call) {
  auto series = call.take_series("seriesList");
  auto const callback = call.text("callback");
  std::vector<std::string> tags;
  for (auto const& tag : call.values("tags")) tags.push_back(to_text(tag));
  std::set<std::string> names;
  for (auto const& one : series) names.insert(tag_of(one, "name"));
  auto const name = names.size() == 1 ? *names.begin() : callback;
  std::map<std::string, std::map<std::string, std::string>> tags_of_key;
  auto groups = grouped(std::move(series), [&](Series const& one) {
    auto key = tag_key(one, name, tags);
    auto& kept = tags_of_key[key];
    kept["name"] = key.substr(0, key.find(';'));
    for (auto const& tag : tags) {
      if (auto const value = tag_of(one, tag); !value.empty()) kept[tag] = value;
    }
    return key;
  });
  auto combined = combine_groups(call, callback, std::move(groups));
  if (!combined) return combined.error();
  for (auto& one : *combined) {
    one.path_expression = one.name;
    one.tags = std::move(tags_of_key[one.name]);
  }
  return combined;
}

// The name without the nodes at these positions.
std::string without_nodes(std::string const& name, std::set<std::int64_t> const& positions) {
  std::string out;
  std::int64_t position = 0;
  bool first = true;
  for (auto const& node : split_nodes(name)) {
    if (positions.contains(position++)) continue;
    if (!std::exchange(first, false)) out += '.';
    out += node;
  }
  return out;
}

Result<SeriesList> with_wildcards(Call& call, std::string_view function) {
  std::set<std::int64_t> positions;
  for (auto const& one : call.values("position")) {
    // "none" is given for one as well, and is no position.
    if (auto const* position = std::get_if<std::int64_t>(&one)) positions.insert(*position);
  }
  auto groups = grouped(call.take_series("seriesList"), [&positions](Series const& one) {
    return without_nodes(one.name, positions);
  });
  SeriesList out;
  for (auto& group : groups) {
    auto combined = combine(group.members, function, call.x_files_factor());
    combined.front().name = std::move(group.key);
    out.push_back(std::move(combined.front()));
  }
  return out;
}
Result<SeriesList> aggregate_with_wildcards(Call& call) {
  return with_wildcards(call, call.text("func"));
}
template <FixedText function>
Result<SeriesList> with_wildcards_by(Call& call) {
  return with_wildcards(call, function);
}

// Python's a[:end] of a name's nodes, joined.
std::string first_nodes(std::string_view name, std::int64_t end) {
  auto const nodes = split_nodes(name);
  auto const count = static_cast<std::int64_t>(nodes.size());
  auto const last = std::clamp<std::int64_t>(end < 0 ? end + count : end, 0, count);
  std::string out;
  for (std::int64_t i = 0; i < last; ++i) {
    if (i > 0) out += '.';
    out += nodes[static_cast<std::size_t>(i)];
  }
  return out;
}

std::string put_in(std::string_view text, std::string_view prefix) {
  std::string out;
  for (char const c : text) {
    if (c == '%') {
      out += prefix;
    } else {
      out += c;
    }
  }
  return out;
}

// All results lie in the time of the last series, as in graphite-web.
Result<SeriesList> apply_by_node(Call& call) {
  auto const series = call.take_series("seriesList");
  auto const end = *call.integer("nodeNum") + 1;
  std::set<std::string> prefixes;
  for (auto const& one : series) prefixes.insert(first_nodes(one.name, end));
  auto const name = call.text("newName");
  SeriesList out;
  for (auto const& prefix : prefixes) {
    auto results = call.evaluate_text(put_in(call.text("templateFunction"), prefix));
    if (!results) return results.error();
    for (auto& one : *results) {
      if (!name.empty()) one.name = put_in(name, prefix);
      one.path_expression = prefix;
      one.start = series.back().start;
      one.end = series.back().end;
      out.push_back(std::move(one));
    }
  }
  return out;
}

// The series of one key side by side. reduceSeries, for which it is there, needs no more of it.
Result<SeriesList> map_series(Call& call) {
  auto const nodes = call.values("mapNodes");
  auto groups = grouped(call.take_series("seriesList"),
                        [&nodes](Series const& one) { return node_key(one, nodes); });
  SeriesList out;
  for (auto& group : groups) {
    std::move(group.members.begin(), group.members.end(), std::back_inserter(out));
  }
  return out;
}

// The node at `position`, from the end when negative.
std::optional<std::string> node_at(std::string_view name, std::int64_t position) {
  auto const nodes = split_nodes(name);
  auto const count = static_cast<std::int64_t>(nodes.size());
  auto const at = position < 0 ? position + count : position;
  if (at < 0 || at >= count) return std::nullopt;
  return std::string(nodes[static_cast<std::size_t>(at)]);
}

// One call for each name up to the node, its arguments the series whose node is the first, the
// second, ... matcher. One that is not there is an empty list: divideSeries shows it as missing,
// where graphite-web fails.
Result<SeriesList> reduce_series(Call& call) {
  auto const function_name = call.text("reduceFunction");
  auto const* function = call.table().find(function_name);
  if (function == nullptr) return call.error("unknown function " + function_name);
  auto const position = *call.integer("reduceNode");
  std::vector<std::string> matchers;
  for (auto const& one : call.values("reduceMatchers")) matchers.push_back(to_text(one));
  if (!Call::takes_lists(*function, matchers.size())) {
    return call.error(function_name + "() cannot be called with " +
                      std::to_string(matchers.size()) + " series lists alone");
  }
  std::vector<std::pair<std::string, std::vector<SeriesList>>> calls;
  std::map<std::string, std::size_t> places;
  for (auto& one : call.take_series("seriesLists")) {
    auto const node = node_at(one.name, position);
    if (!node) continue;
    auto const matcher = std::find(matchers.begin(), matchers.end(), *node);
    if (matcher == matchers.end()) continue;
    auto const key = first_nodes(one.name, position) + ".reduce." + function_name;
    auto const [place, is_new] = places.try_emplace(key, calls.size());
    if (is_new) calls.emplace_back(key, std::vector<SeriesList>(matchers.size()));
    auto& argument =
        calls[place->second].second[static_cast<std::size_t>(matcher - matchers.begin())];
    argument.clear();
    argument.push_back(std::move(one));
  }
  SeriesList out;
  for (auto& [key, arguments] : calls) {
    Call inner(*function, std::move(arguments), call.context());
    auto reduced = inner.run();
    if (!reduced) return reduced.error();
    if (reduced->empty()) continue;
    reduced->front().name = std::move(key);
    out.push_back(std::move(reduced->front()));
  }
  return out;
}

Parameter several(Parameter parameter) {
  parameter.multiple = true;
  return parameter;
}

Function grouper(std::string name, std::string description, std::vector<Parameter> more,
                 Result<SeriesList> (*implementation)(Call&)) {
  Function out{.name = std::move(name),
               .group = "Combine",
               .description = std::move(description),
               .parameters = {one_list()},
               .implementation = implementation};
  out.parameters.insert(out.parameters.end(), more.begin(), more.end());
  return out;
}

Function wildcards(std::string name, std::string description,
                   Result<SeriesList> (*implementation)(Call&)) {
  auto out = grouper(std::move(name), std::move(description), {several(optional("position", node))},
                     implementation);
  out.aggregator = true;
  return out;
}

}  // namespace

std::vector<Function> grouping_functions() {
  auto const callback = required("callback", aggregation_or_function);
  auto const map = grouper("mapSeries", "The series of each key side by side, for reduceSeries.",
                           {several(required("mapNodes", node_or_tag))}, map_series);
  Function const reduce{
      .name = "reduceSeries",
      .group = "Combine",
      .description =
          "Calls the function once for each name up to the node, with the series whose "
          "node is one of the matchers, in their order.",
      .parameters = {required("seriesLists", series_lists), required("reduceFunction", text),
                     required("reduceNode", node), several(required("reduceMatchers", text))},
      .implementation = reduce_series};
  return {
      grouper("groupByNode",
              "One series for each value of the given node or tag, made of all that share it.",
              {required("nodeNum", node_or_tag),
               optional("callback", aggregation_or_function, std::string("average"))},
              group_by_node),
      grouper("groupByNodes",
              "One series for each combination of the given nodes or tags, made of all that share "
              "it.",
              {callback, several(optional("nodes", node_or_tag))}, group_by_nodes),
      grouper("groupByTags", "One series for each combination of the tags' values, called by them.",
              {callback, several(required("tags", tag))}, group_by_tags),
      grouper("aggregateWithWildcards",
              "One series for each name without the nodes at the positions, by the named "
              "aggregation.",
              {required("func", aggregation), several(optional("position", node))},
              aggregate_with_wildcards),
      wildcards("averageSeriesWithWildcards",
                "The average of series that differ only in the nodes at the positions.",
                with_wildcards_by<"average">),
      wildcards("multiplySeriesWithWildcards",
                "The product of series that differ only in the nodes at the positions.",
                with_wildcards_by<"multiply">),
      wildcards("sumSeriesWithWildcards",
                "The sum of series that differ only in the nodes at the positions.",
                with_wildcards_by<"sum">),
      grouper("applyByNode",
              "Evaluates a target once for each name up to the node, which stands in it for %.",
              {required("nodeNum", node), required("templateFunction", text),
               optional("newName", text)},
              apply_by_node),
      map,
      also_called(map, "map"),
      reduce,
      also_called(reduce, "reduce"),
  };
}

}  // namespace dadvisor::graphite::functions
